"""Nothing administrative cuts a running job."""

import pytest
from machines import JOB, blocked_badge, excluded, locked
from workshop import EndAsked, Workshop


def ended_membership(w):
    from datetime import timedelta

    from fixed import TODAY

    w.replace("members", "marie", until=TODAY - timedelta(days=1))


def ended_certification(w):
    from datetime import timedelta

    from fixed import TODAY

    w.replace("certifications", "marie/safety", until=TODAY - timedelta(days=1))


def revoked_certification(w):
    w.edit(drop=[w.row("certifications", "marie/safety")])


def shorter_sessions(w):
    w.replace("machines", "laser", longest=60)


def another_training(w):
    w.replace("machines", "laser", requires=("safety", "another"))


def replaced_whitelist(w):
    from controller.store.edits import Edit
    from controller.store.whitelist import Change

    edit = Edit(Change((), (), replace=True), "root", w.clock.now(), lambda *_: None)
    w.loop.writes.edit(edit)
    w.settle()


ADMINISTRATION = [
    ended_membership,
    ended_certification,
    revoked_certification,
    excluded,
    blocked_badge,
    shorter_sessions,
    another_training,
    locked,
    replaced_whitelist,
]


@pytest.mark.parametrize("cause", ADMINISTRATION, ids=lambda cause: cause.__name__)
def test_nothing_administrative_cuts_a_running_job(cause):
    """'Six o'clock, and the professional's ten-hour job is scrap?' Never."""
    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        cause(w)
        w.wait(10 * 3600)
        assert w.closed()
        w.input("running", active=False)
        w.wait(60)
        assert w.ends() == ["rested"]
        if cause is not shorter_sessions:
            w.tap("marie")
            assert not w.closed(), "the next start is refused"


def test_a_lock_now_does_cut():
    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        w.replace("machines", "laser", locked="fire", cut=True)
        assert not w.closed()
        assert w.ends() == ["locked"]


def test_a_revocation_now_ends_the_session_it_means_and_no_other():
    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        revoked_certification(w)
        w.ask(EndAsked("another session", "root"))
        assert w.closed()
        w.ask(EndAsked(w.state.session.id, "root"))
        assert not w.closed()
        assert w.sessions()[0].ended_by == "root"
