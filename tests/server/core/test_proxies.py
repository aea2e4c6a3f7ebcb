"""Behind a real nginx and a real Caddy, on the lines of docs/server.md: people, their addresses, and controllers."""

import contextlib
import html
import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from central import until
from independent_client import NDJSON, Problem, SecondClient
from reverse_proxies import FOUND, Browser, Machine

from protocol.messages import MAX_BODY, WAIT

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(None in FOUND.values(), reason="needs nginx and Caddy"),
]
HERE, THERE = "127.0.0.7", "203.0.113.9"
# What nginx passes where lines are missing, or as other pages have them.
WITHOUT = {
    "as the page has it": {},
    "no proto": {"line": ("proxy_set_header X-Forwarded-Proto $scheme;", "")},
    "forwarded": {"line": ("X-Forwarded-Proto $scheme;", 'Forwarded "for=$remote_addr;proto=https";')},
    "no host": {"line": ("proxy_set_header Host $http_host;", "")},
    "no port": {"line": ("$http_host", "$host")},
    "no for": {"line": ("proxy_set_header X-Forwarded-For $remote_addr;", "")},
    "elsewhere": {"line": ("proxy_read_timeout", "proxy_bind 127.0.0.9; proxy_read_timeout")},
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The server, running behind nothing yet."""
    with contextlib.ExitStack() as started:
        made = Machine(tmp_path_factory.mktemp("proxies"), started)
        made.serve()
        yield made


@pytest.fixture(scope="module")
def nginx(machine):
    """Each nginx's port, by what is missing there."""
    return dict(zip(WITHOUT, machine.nginx(*WITHOUT.values()), strict=True))


@pytest.fixture(scope="module")
def ports(machine, nginx):
    """The port of either proxy as the page has it."""
    return {"nginx": nginx["as the page has it"], "caddy": machine.caddy()}


@pytest.fixture(scope="module", params=FOUND)
def proxy(request):
    """Either proxy's name."""
    return request.param


@pytest.fixture(scope="module")
def keeper(machine, ports, proxy):
    """Somebody's browser, logged in through the proxy."""
    browser = Browser(machine, ports[proxy])
    assert browser.log_in(proxy, machine.words[proxy]).status_code == 302
    yield browser
    browser.session.close()


@pytest.fixture(scope="module")
def controller(keeper, proxy):
    """A controller that was enrolled through the proxy, by a code from the page."""
    page = keeper.post("/devices", do="code", name="saw").text
    client = SecondClient(re.search(r"loquet enrol (\S+)</pre>", page)[1])
    client.enrol([{"machine": f"saw-{proxy}", "name": "Saw", "mode": "session"}])
    yield client
    client.session.close()


def failures(machine, name):
    """From which addresses somebody's wrong passwords came."""
    with contextlib.closing(sqlite3.connect(machine.folder / "data/server.db")) as database:
        found = database.execute("select ip_address from axes_accessattempt where username = ?", (name,))
        return [address for (address,) in found]


def refusal(machine, port):
    """What the page says that refuses the form of the login."""
    with contextlib.closing((browser := Browser(machine, port)).session):
        answer = browser.log_in("nobody", "wrong")
    assert answer.status_code == 403
    return html.unescape(re.search(r'role="alert">(.*?)</p>', answer.text)[1])


def test_people_log_in_and_work_through_it(keeper):
    assert keeper.get("/whitelist").status_code == 200
    assert keeper.post("/setup", do="training", name="Wood").headers["Location"].startswith("/setup")
    assert "Wood" in keeper.get("/setup").text


def test_a_wrong_password_counts_for_the_address_it_came_from_whatever_that_one_claims(machine, ports, proxy):
    name = f"guest-{proxy}"
    with contextlib.closing((browser := Browser(machine, ports[proxy], HERE)).session):
        for headers in ({}, {"X-Forwarded-For": THERE}, {"Forwarded": f"for={THERE}", "X-Real-IP": THERE}):
            assert browser.log_in(name, "wrong", headers=headers).status_code == 422
    assert failures(machine, name) == [HERE]


def test_a_controller_is_enrolled_under_the_proxys_address_and_its_signatures_hold(controller, ports, proxy):
    assert controller.base == f"https://localhost:{ports[proxy]}"
    assert controller.told["name"].startswith("saw")
    controller.report()
    assert controller.ring()


def test_a_held_request_is_answered_when_its_time_is_over_and_when_there_is_news(controller, keeper, proxy):
    before = controller.fetch()["version"]
    began = time.monotonic()
    assert controller.fetch(wait=1)["version"] == before
    assert time.monotonic() - began >= 1
    with ThreadPoolExecutor(1) as beside:
        held = beside.submit(controller.fetch, WAIT)
        assert keeper.post("/setup", do="machine", id=f"saw-{proxy}", name="Band saw", nothing="on").status_code == 302
        assert held.result(WAIT / 2)["version"] > before
    assert controller.list.rows[f"machine/saw-{proxy}"]["name"] == "Band saw"


def test_a_message_that_is_too_large_for_the_server_is_answered(controller):
    with pytest.raises(Problem) as refused:
        controller.ask("POST", "/api/v1/journal", b"x" * (2 * MAX_BODY), NDJSON)
    assert (refused.value.status, refused.value.kind) == (413, "large")


def test_a_message_as_large_as_they_come_arrives_whole(controller):
    with pytest.raises(Problem) as refused:
        controller.ask("POST", "/api/v1/journal", b"x" * MAX_BODY, NDJSON)
    assert refused.value.kind == "malformed"


def test_a_sheet_that_is_too_large_for_the_proxy_is_answered_by_it(keeper, proxy):
    answer = keeper.session.post(keeper.base + "/import", files={"file": b"x" * 8_400_000}, timeout=20)
    assert answer.status_code in {"nginx": {413}, "caddy": {413, 502}}[proxy]  # Caddy's is 502 before 2.7


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("no proto", "does not pass X-Forwarded-Proto"),
        ("forwarded", "passes Forwarded (RFC 7239)"),
        ("no host", "passes `Host: 127.0.0.1:{server}`, but the browser asked for localhost:{proxy}."),
        ("no port", "passes `Host: localhost`, but the browser asked for localhost:{proxy}."),
    ],
)
def test_where_a_line_is_missing_the_page_that_refuses_the_form_says_which(machine, nginx, missing, said):
    assert said.format(server=machine.port, proxy=nginx[missing]) in refusal(machine, nginx[missing])


@pytest.mark.parametrize(
    ("missing", "address", "said"),
    [
        ("no for", "127.0.0.1", "Your proxy at {address} does not pass X-Forwarded-For"),
        ("elsewhere", "127.0.0.9", "X-Forwarded-For is not believed from {address}"),
    ],
)
def test_a_proxy_that_leaves_everybody_with_its_own_address_is_logged(machine, nginx, missing, address, said):
    with contextlib.closing((browser := Browser(machine, nginx[missing], HERE)).session):
        browser.log_in(f"guest {missing}", "wrong")
    assert failures(machine, f"guest {missing}") == [address]
    until(lambda: said.format(address=address) in machine.log(), "the log")


def test_the_link_to_the_first_visit_has_the_proxys_address(machine):
    assert "https://localhost/first/" in machine.said
