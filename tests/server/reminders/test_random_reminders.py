"""Whatever happens on whichever day: nobody is told twice, and nobody who may be told is left out."""

import re
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from reminding import BEGIN, reminding

NAMES = ("ann", "bob")
SPANS = st.lists(st.integers(1, 20), min_size=1, max_size=4, unique=True)
DAYS = st.integers(-2, 25)
STEPS = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 9)),
    st.tuples(st.just("run")),
    st.tuples(st.just("two at once"), st.integers(0, 2)),
    st.tuples(st.just("ends"), st.sampled_from(NAMES), st.none() | DAYS),
    st.tuples(st.just("certified"), st.sampled_from(NAMES), st.sampled_from(["laser", "wood"]), DAYS),
    st.tuples(st.just("letters"), st.sampled_from(NAMES), st.booleans()),
    st.tuples(st.just("excluded"), st.sampled_from(NAMES), st.booleans()),
    st.tuples(st.just("spans"), SPANS),
)
LINE = re.compile(r"^- (\w+): until (\d+ \w+ \d+) ", re.MULTILINE)


class Life:
    """A server's days, and a book of who was told of what, kept beside it."""

    def __init__(self, world, spans):
        self.world, self.spans = world, spans
        self.told = set()
        world.plan(spans=spans)
        for name in NAMES:
            world.member(name)

    def do(self, what, *said):
        from server.people.models import Member, Particulars

        match what:
            case "pass":
                self.world.pass_days(*said)
            case "run":
                self.run()
            case "two at once":
                self.run_two(*said)
            case "ends":
                self.world.prolong(*said)
            case "certified":
                self.world.certify(*said)
            case "letters":
                Particulars.objects.filter(pk=said[0]).update(letters=BEGIN if said[1] else None)
            case "excluded":
                Member.objects.filter(pk=said[0]).update(excluded=said[1])
            case "spans":
                (self.spans,) = said
                self.world.plan(spans=sorted(self.spans, reverse=True))

    def run(self):
        self.read(self.world.run())
        self.nobody_is_left_out()

    def run_two(self, later):
        """One process looked who is to be told, another one tells them, and then the first goes on with what it saw."""
        from django.db import transaction

        from server.reminders import ending, members, plans

        plan, day = plans.of_members(), self.world.today
        waiting = ending.due(plan, day, 50)
        self.run()
        self.world.pass_days(later)
        with transaction.atomic():
            members._write_to(waiting, plan, self.world.today)
        self.run()

    def read(self, letters):
        for letter in letters:
            name = letter.to.partition("@")[0]
            said = LINE.findall(letter.body)
            assert said
            for what, day in said:
                end = datetime.strptime(day, "%d %b %Y").date()  # noqa: DTZ007 - a day
                span = self.span_of(end)
                assert span is not None, "what ended already, or ends far away"
                one = (name, what.lower(), end, span)
                assert one not in self.told, "told twice"
                self.told.add(one)

    def span_of(self, end):
        left = (end - self.world.today).days
        return min((span for span in self.spans if 0 <= left <= span), default=None)

    def nobody_is_left_out(self):
        from server.reminders import ending, plans

        found = ending.due(plans.of_members(), self.world.today, 50)
        assert (found, ending.count_due(plans.of_members(), self.world.today)) == ([], 0), "found, and not written to"
        self.everybody_was_told()

    def everybody_was_told(self):
        from server.people.models import Member, Particulars
        from server.whitelist.models import Certification

        agreed = set(Particulars.objects.exclude(letters=None).values_list("pk", flat=True))
        let_in = set(Member.objects.filter(excluded=False).values_list("pk", flat=True))
        ends = [(*each, "membership") for each in Member.objects.values_list("pk", "until")]
        ends += Certification.objects.values_list("member", "until", "training")
        for member, end, what in ends:
            span = None if end is None else self.span_of(end)
            if member in agreed & let_in and span is not None:
                assert any((member, what, end, each) in self.told for each in range(span + 1)), (member, what, end)


def test_over_any_days_each_end_is_told_of_once_a_span_and_to_everybody_who_may_be_told(sqlite):
    from django.db import transaction

    @given(spans=SPANS, steps=st.lists(STEPS, max_size=25))
    def lives(spans, steps):
        with reminding() as world, transaction.atomic():
            life = Life(world, sorted(spans, reverse=True))
            for step in steps:
                life.do(*step)
            life.run()
            transaction.set_rollback(True)

    lives()
