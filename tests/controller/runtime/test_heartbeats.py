"""What is known of a session that is cut short: each is known of after five seconds, and once more every 45."""

from itertools import pairwise

from fixed import moment
from hypothesis import given
from hypothesis import strategies as st

from controller.runtime.heartbeats import FIRST_BEAT_MS, HEARTBEAT_MS, Heartbeats
from controller.station.events import OpenSession

STEP = 100


class Written:
    def __init__(self):
        self.beats = []

    def beat(self, sessions):
        self.beats.append(sessions)


def live(spans, until):
    """Live sessions that begin and end at such times; return when each was beaten, and how often there was a beat."""
    writes, found = Written(), {number: [] for number in range(len(spans))}
    heartbeats = Heartbeats(writes)
    for at in range(0, until, STEP):
        running = [number for number, (began, ended) in enumerate(spans) if began <= at < ended]
        sessions = tuple(OpenSession(f"{number}", "laser", at, "boot", at) for number in running)
        before = len(writes.beats)
        heartbeats.step(moment(at), sessions)
        if len(writes.beats) > before:
            for number in running:
                found[number].append(at)
    return found, len(writes.beats)


def test_a_session_that_begins_just_before_anothers_beat_has_its_own_first_one_all_the_same():
    found, _count = live([(0, 60_000), (4_800, 60_000)], 60_000)
    assert found[0][:3] == [5_000, 9_800, 54_800]
    assert found[1][:2] == [5_000, 9_800]


spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 200)).map(lambda each: (each[0] * 1_000, (each[0] + each[1]) * 1_000)),
    min_size=1,
    max_size=8,
)


@given(spans)
def test_each_session_is_known_of_after_five_seconds_and_never_more_than_45_later(spans):
    found, count = live(spans, 300_000)
    for number, (began, ended) in enumerate(spans):
        beats = [began, *[at for at in found[number] if at >= began + FIRST_BEAT_MS], ended]
        if ended - began > FIRST_BEAT_MS + STEP:
            assert beats[1] - began <= FIRST_BEAT_MS + STEP, "its own first one"
        assert all(after - before <= HEARTBEAT_MS + FIRST_BEAT_MS for before, after in pairwise(beats))
    assert count <= len(spans) + 300_000 // HEARTBEAT_MS + len(spans), "one for all, and one of each session's own"
