"""The server lives by one clock: years can be lived in a test."""

import ast
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.utils import timezone

from server.core import clock

SERVER = Path(__file__).parents[3] / "server"
OTHERS = {
    ("timezone", "now"), ("timezone", "localdate"), ("timezone", "localtime"), ("time", "time"), ("time", "time_ns"),
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
}  # fmt: skip
HANDS_IT = {"server/asgi.py"}
AS_LIBRARIES_DO = {  # what django-axes and django-otp have written, by the machine's own clock, is looked at by that
    "server/accounts/second_factor.py", "server/accounts/throttle.py",
}  # fmt: skip


def clocks(text):
    """The lines of a module that look at a clock of their own."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in OTHERS:
                yield node.lineno
        elif isinstance(node, ast.keyword) and node.arg in {"auto_now", "auto_now_add"}:
            yield node.value.lineno


def test_nothing_in_the_server_looks_at_a_clock_of_its_own():
    modules = [
        path for path in SERVER.rglob("*.py") if path != SERVER / "core/clock.py" and path.parent.name != "migrations"
    ]
    assert len(modules) > 80
    found = {str(path.relative_to(SERVER.parent)): list(clocks(path.read_text())) for path in modules}
    assert {path for path, lines in found.items() if lines} == HANDS_IT | AS_LIBRARIES_DO


def test_the_control_a_module_that_does_is_found():
    assert list(clocks("import time\nat = time.time()\nmade = models.DateTimeField(auto_now_add=True)\n")) == [2, 3]


@pytest.fixture
def at():
    """Hand the server a clock that stands where it is set."""
    moment = [0.0]

    def put(*when):
        moment[0] = datetime(*when, tzinfo=UTC).timestamp()

    clock.hand(lambda: moment[0])
    yield put
    import time

    clock.hand(time.time)


def test_the_day_is_the_sites_and_not_that_of_utc(at, sqlite):
    with timezone.override("Europe/Paris"):
        at(2031, 6, 30, 22, 30)
        assert (clock.today(), clock.local().hour) == (date(2031, 7, 1), 0)
        assert clock.ms() == int(clock.now().timestamp() * 1000)


def test_what_is_made_is_made_at_the_servers_moment(at, sqlite):
    from server.inbox.models import Notice
    from server.inbox.notices import notify

    at(2036, 1, 1, 12)
    notify("restored", None, once="x", why="-")
    assert Notice.objects.get().at == datetime(2036, 1, 1, 12, tzinfo=UTC)
