"""Both sides against a second implementation of each, written from the document alone; and devices that mean harm."""

import contextlib
import gc
import hashlib
import json
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import independent_server
import pytest
from central import Central, OnTheLine, until
from independent_client import NDJSON, Foreign, Problem, SecondClient, b64, digest_of
from workshop import CARDS, Workshop

from protocol.messages import PREFIX, read_code
from protocol.rows import Certification, ForcedEnd, Machine, Member, Training

SOON = 5.0
EPOCH = "0123456789abcdef"


@pytest.fixture
def real(databases):
    """The real server, on SQLite."""
    with Central(databases("sqlite")) as running:
        yield running
        for each in running.lines:
            each.line.close()
        gc.collect()  # urllib3 closes what nobody refers to
        until(lambda: not running._server.server_state.connections, "the connections' end", SOON)


@pytest.fixture
def second():
    """The second server."""
    with independent_server.serving() as running:
        yield running


@pytest.fixture
def shop():
    with Workshop() as made:
        yield made


def newcomer(real, code=None):
    """A second client with a code; its connections end before the server does."""
    client = SecondClient(str(code or real.code("laser")))
    real.lines.append(SimpleNamespace(line=client.session))
    return client


def enrolled(real, machine, name=""):
    """A second client, taken in with one machine."""
    client = newcomer(real, real.code(name or machine))
    client.enrol([{"machine": machine, "name": machine.title(), "mode": "session"}])
    return client


def brought(client):
    """Ask until the client has what was edited last; give the manifest."""
    from server.core import state

    until(lambda: client.fetch()["version"] >= int(state.get(state.VERSION)), "the list", SOON)
    return client.list.manifest


def entry(seq, **what):
    return {"seq": seq, "boot": "boot-1", "at": 1_000 * seq, "entry": what}


def granted(seq, machine, session, member="marie"):
    return entry(seq, type="granted", session=session, machine=machine, member=member, badge="0" * 32, level=2)


def kind_of(ask):
    """The problem that an act runs into."""
    with pytest.raises(Problem) as found:
        ask()
    return found.value.kind


def problem(answer):
    return answer.json()["type"].removeprefix("urn:loquet:")


def raw(real, head, body=b""):
    """A connection on which a request was begun, by hand."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    link = context.wrap_socket(socket.create_connection(("127.0.0.1", real.port), timeout=SOON))
    link.settimeout(SOON)
    link.sendall(("\r\n".join([*head, "Host: localhost", "", ""])).encode() + body)
    return link


def head_of(client, method, target, body, **more):
    """The lines of a signed request, to be sent by hand."""
    return [
        f"{method} {target} HTTP/1.1",
        *(f"{k}: {v}" for k, v in (client.headers(method, target, body) | more).items()),
    ]


# --- the second client at the real server ---


def test_the_second_client_is_taken_in_and_its_list_adds_up(real):
    client = enrolled(real, "laser", "Atelier")
    assert client.told["name"] == "Atelier"
    assert [len(key) for key in client.badge_keys] == [32]
    assert client.ring() == client.badge_keys
    odd = 'É "\\/ \x01\x7f\u2028\U0001f600'
    real.edit(
        Training("safety", odd), Machine("laser", requires=("safety",)), Member("m.1", odd, odd), Member("m2", odd)
    )
    real.edit(Certification("m.1", "safety"))
    manifest = brought(client)  # `applied` holds signature, count and digest
    assert client.list.rows["member/m.1"]["name"] == odd
    assert "name" not in client.list.rows["member/m2"]
    assert manifest["digest"] == digest_of(client.list.rows)
    assert abs(client.time - time.time() * 1000) < 60_000
    assert client.enrol([{"machine": "laser"}])["device"] == client.device


def test_the_second_client_sees_an_edit_as_a_delta_over_a_held_line(real):
    client = enrolled(real, "laser")
    real.edit(Training("safety"), Machine("laser", requires=("safety",)), Member("m"), Certification("m", "safety"))
    version = brought(client)["version"]
    threading.Timer(0.2, real.edit, [ForcedEnd("laser", "m")], {"drop": ["certification/m/safety"]}).start()
    begun = time.monotonic()
    manifest = client.fetch(20)
    assert 0.15 < time.monotonic() - begun < SOON
    assert manifest["base"] == version
    assert manifest["rows"] <= 3  # the member's row may come again: its name is not to be seen any more
    assert "cut/laser/m/" in client.list.rows
    assert "certification/m/safety" not in client.list.rows
    manifest = client.fetch(1)
    assert manifest["rows"] == 0


def test_the_second_clients_journal_is_taken_in_order_once_and_conflicts_end_its_epoch(real):
    from server.journal.models import Entry, Gap
    from server.usage.models import Session

    client = enrolled(real, "laser")
    journal = [granted(1, "laser", "s1")]
    journal += [entry(seq, type="sensed", machine="laser", name="lid", active=True) for seq in range(2, 1200)]
    journal += [entry(1200, type="ended", session="s1", machine="laser", why="badge_removed", powered=1_199_000)]
    for at in range(0, 1200, 500):
        assert client.journal(EPOCH, journal[at : at + 500], at) == min(at + 500, 1200)
    assert client.journal(EPOCH, journal[400:900], 400) == 1200
    assert list(Entry.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 1201))
    until(lambda: Session.objects.filter(ended=True, powered=1_199_000).count() == 1, "the session", SOON)
    with pytest.raises(Problem) as found:
        client.journal(EPOCH, [entry(5001, type="daemon_stopped")], 5000)
    assert (found.value.kind, found.value.expected) == ("order", 1200)
    assert client.journal(EPOCH, [entry(1205, type="daemon_stopped")], 1200, 1206) == 1206
    assert list(Gap.objects.values_list("first", "last")) == [(1201, 1204), (1206, 1206)]
    assert kind_of(lambda: client.journal(EPOCH, [entry(7, type="daemon_stopped")], 6)) == "conflict"
    assert kind_of(lambda: client.journal(EPOCH, [entry(1207, type="daemon_stopped")], 1206)) == "conflict"
    other = "f" * 16
    assert client.journal(other, [entry(1207, type="daemon_stopped")], 1206, begins=1207) == 1207
    assert client.report(stations=[{"machine": "laser", "state": "idle"}]) == {}
    assert kind_of(lambda: client.post("/report", {"version": "2", "clock": "sundial"})) == "malformed"
    assert client.propose([{"type": "member", "id": "old"}], 1) == {}


# --- the real controller at the second server ---


def at_second(shop, second):
    """The real controller, enrolled with the second server."""
    return OnTheLine(shop, SimpleNamespace(code=lambda _name: read_code(second.code), lines=[]))


def cast(second):
    """Marie, certified for the laser, by the hash that the document gives."""
    badge = hashlib.blake2b(b"iso14443a\0" + bytes.fromhex(CARDS["marie"]), key=second.badge_keys[0], digest_size=16)
    second.put(
        {"type": "training", "id": "safety", "name": "Sécurité"},
        {"type": "machine", "id": "laser", "requires": ["safety"]},
        {"type": "member", "id": "marie", "name": "Marie"},
        {"type": "badge", "hash": badge.hexdigest(), "member": "marie"},
        {"type": "certification", "member": "marie", "training": "safety"},
    )


def test_the_real_controller_obeys_the_second_server(shop, second):
    line = at_second(shop, second)
    (device,) = second.devices.values()
    assert sum(len(said["rows"]) for said in device.proposals) == device.proposals[0]["of"] > 0
    cast(second)
    line.fetch()
    assert set(shop.badges.whitelist.members) == {"marie"}
    shop.lay("marie")
    assert shop.closed()
    shop.wait(60)
    shop.take("marie")
    shop.wait(60)
    line.send()
    ((epoch, held),) = device.journal.items()
    kinds = [line["entry"]["type"] for _seq, line in sorted(held.items())]
    assert "granted" in kinds
    assert "ended" in kinds
    assert device.upto[epoch] == max(held)
    line.report()
    assert device.reports[-1]["whitelist"] == len(second.history) - 1
    assert device.reports[-1].get("backlog", 0) == 0
    row = second.rows["certification/marie/safety"]
    threading.Timer(0.2, second.put, kwargs={"drop": ("certification/marie/safety",)}).start()
    line.fetch(5)
    assert "base=" in [each for each in second.requests if "whitelist" in each][-1]
    shop.lay("marie")
    assert not shop.closed()
    shop.take("marie")
    second.put(row)
    line.fetch(5)
    shop.lay("marie")
    assert shop.closed()
    second.put({"type": "cut", "machine": "laser", "member": "marie"})
    line.fetch(5)
    assert not shop.closed()


def test_the_real_controller_sends_again_what_the_second_server_lost_and_changes_its_epoch_on_conflict(shop, second):
    line = at_second(shop, second)
    cast(second)
    line.fetch()
    (device,) = second.devices.values()
    line.send()
    (epoch,) = device.journal
    whole = dict(device.journal[epoch])
    assert len(whole) > 1
    device.upto[epoch] = 1  # restored from a backup
    device.journal[epoch] = {1: whole[1]}
    shop.lay("marie")
    line.send()
    assert {seq: device.journal[epoch].get(seq) for seq in whole} == whole
    device.closed.add(epoch)
    shop.take("marie")
    shop.wait(60)
    line.send()
    assert len(device.journal) == 2
    other = next(each for each in device.journal if each != epoch)
    assert "ended" in [each["entry"]["type"] for each in device.journal[other].values()]
    assert device.upto[other] == max(device.journal[other])


def test_the_real_controller_takes_no_list_that_does_not_add_up_or_is_older(shop, second, monkeypatch):
    line = at_second(shop, second)
    cast(second)
    line.fetch()
    right = independent_server.digest_of
    monkeypatch.setattr(independent_server, "digest_of", lambda _rows: "0" * 64)
    second.put({"type": "member", "id": "mallory"})
    assert line.down.step(0) == 0  # the delta does not fit: the whole is asked for
    line.down.step(0)
    assert line.down.trouble
    assert "base=" not in second.requests[-1]
    shop.settle()
    assert set(shop.badges.whitelist.members) == {"marie"}
    monkeypatch.setattr(independent_server, "digest_of", right)
    second.generation = 0
    line.down.step(0)
    assert line.down.trouble
    assert set(shop.badges.whitelist.members) == {"marie"}
    second.generation = 2
    line.fetch()
    line.fetch()
    assert set(shop.badges.whitelist.members) == {"marie", "mallory"}


def test_the_real_controller_believes_nobody_who_does_not_sign(shop, second):
    line = at_second(shop, second)
    line.fetch()
    before = list(shop.badges.whitelist.rows())
    second.signing = independent_server.Ed25519PrivateKey.generate()
    cast(second)
    line.down.step(0)
    assert line.down.trouble
    assert list(shop.badges.whitelist.rows()) == before


# --- devices that mean harm, at the real server ---


def test_another_controllers_machines_are_never_seen(real):
    laser, mill = enrolled(real, "laser"), enrolled(real, "mill")
    real.edit(
        Training("cut"), Training("turn"), Machine("laser", requires=("cut",)), Machine("mill", requires=("turn",))
    )
    real.edit(Member("ann", "Ann", payer="School"), Certification("ann", "turn"), ForcedEnd("mill", "ann"))
    brought(laser)
    brought(mill)
    seen = {"machine/laser", "training/cut", "member/ann"}
    assert set(laser.list.rows) == seen
    assert laser.list.rows["member/ann"] == {"type": "member", "id": "ann"}
    assert mill.list.rows["member/ann"]["name"] == "Ann"
    real.edit(Machine("mill", "Secret", requires=("turn",)), Certification("ann", "turn", 3))
    mill.fetch(5)
    laser.fetch(1)
    assert set(laser.list.rows) == seen
    thief = newcomer(real)
    assert kind_of(lambda: thief.enrol([{"machine": "mill"}])) == "refused"


def test_an_old_request_is_stale_and_one_that_is_sent_twice_changes_nothing(real):
    from protocol.signing import decoded
    from server.devices.api.challenges import Challenges
    from server.journal.models import Entry

    client = enrolled(real, "laser")
    target, body = PREFIX + "/report", json.dumps({"version": "2", "clock": "kept"}).encode()
    secret = decoded(real.keys.challenges)
    for seconds, kind in ((-601, "stale"), (60, "stale"), (-590, "")):
        client.challenge = Challenges(secret, lambda seconds=seconds: time.time() + seconds).new()
        answer = client.send("POST", target, body, "application/json")
        assert (problem(answer) if kind else answer.status_code) == (kind or 200)
    for wrong in ("", "made-up", "ffff.00", "é"):
        client.challenge = wrong
        sent = client.headers("POST", target, body)
        sent["Loquet-Challenge"] = wrong.encode("latin-1")
        answer = client.send("POST", target, body, "application/json", signed=False, headers=sent)
        assert problem(answer) == "stale"
    client.challenge = "made-up"
    assert client.report() == {}  # signed again, once
    body = "".join(
        json.dumps(each) + "\n" for each in ({"epoch": EPOCH, "after": 0, "upto": 1}, granted(1, "laser", "s"))
    )
    sent = client.headers("POST", PREFIX + "/journal", body.encode())
    for _time in range(2):
        answer = client.send("POST", PREFIX + "/journal", body.encode(), NDJSON, signed=False, headers=sent)
        assert answer.json() == {"epoch": EPOCH, "seq": 1}
    assert Entry.objects.count() == 1


def test_a_request_that_its_controller_has_not_signed_is_refused(real):
    one, other = enrolled(real, "laser"), enrolled(real, "mill")
    target = PREFIX + "/whitelist"
    for change in (
        {"Loquet-Signature": b64(bytes(64))},
        {"Loquet-Signature": ""},
        {"Loquet-Signature": "~" * 86},
        {"Loquet-Device": other.device},
        {"Loquet-Device": "d-0000000000"},
        {"Loquet-Device": ""},
        {"Loquet-Nonce": "another"},
    ):
        sent = one.headers("GET", target, b"") | change
        answer = one.send("GET", target, signed=False, headers=sent)
        assert (answer.status_code, problem(answer)) == (401, "unsigned"), change
    sent = one.headers("GET", target, b"")
    assert problem(one.send("GET", target + "?wait=0", signed=False, headers=sent)) == "unsigned"
    sent = one.headers("POST", PREFIX + "/report", b"{}")
    answer = one.send("POST", PREFIX + "/report", b"{ }", "application/json", signed=False, headers=sent)
    assert problem(answer) == "unsigned"
    one.device = other.device  # signed by one, in the name of the other
    assert kind_of(one.report) == "unsigned"
    assert kind_of(one.ring) == "unsigned"


def test_a_body_that_is_cut_off_is_not_taken(real):
    from server.journal.models import Entry

    client = enrolled(real, "laser")
    lines = [json.dumps(each) for each in ({"epoch": EPOCH, "after": 0, "upto": 2}, granted(1, "laser", "s"))]
    body = "\n".join(lines).encode()
    target = PREFIX + "/journal"
    half = body[: len(body) // 2]
    sent = client.headers("POST", target, body)
    assert problem(client.send("POST", target, half, NDJSON, signed=False, headers=sent)) == "unsigned"
    assert problem(client.send("POST", target, half, NDJSON)) == "malformed"
    more = {"Content-Type": NDJSON, "Content-Length": str(len(body))}
    raw(real, head_of(client, "POST", target, body, **more), half).close()
    assert client.report() == {}
    assert not Entry.objects.exists()


def test_a_body_of_100_mb_is_refused_before_it_is_sent(real):
    client = enrolled(real, "laser")
    for target, media in (("/journal", NDJSON), ("/enrol", "application/json")):
        more = {"Content-Type": media, "Content-Length": "100000000"}
        with raw(real, head_of(client, "POST", PREFIX + target, b"", **more), b"{") as link:
            assert b" 413 " in link.recv(100)
    large = b'{"version":"' + b"x" * 2_000_000
    try:  # the server hangs up, whether or not its answer could still be heard
        answer = client.send("POST", PREFIX + "/report", large, "application/json")
        assert (answer.status_code, problem(answer)) == (413, "large")
    except OSError:
        pass


def test_other_media_types_methods_and_paths_are_refused_with_a_signature(real):
    client = enrolled(real, "laser")
    for path in ("/journal", "/report", "/proposals", "/enrol"):
        answer = client.send("POST", PREFIX + path, b"{}", "text/plain")
        assert (answer.status_code, problem(answer)) == (415, "media")
        answer = client.send("DELETE", PREFIX + path)
        assert (answer.status_code, problem(answer), answer.headers["Allow"]) == (405, "method", "POST")
    assert problem(client.send("GET", PREFIX + "/nothing")) == "unknown"
    assert problem(client.send("GET", PREFIX + "/whitelist?wait=-1")) == "malformed"


def test_entries_about_anothers_machine_are_no_sessions(real):
    from server.inbox.models import Notice
    from server.journal.models import Entry
    from server.usage.models import Session

    one, _other = enrolled(real, "laser"), enrolled(real, "mill")
    lines = [granted(1, "mill", "s1"), entry(2, type="ended", session="s2", machine="mill", why="idle", powered=5)]
    lines += [entry(3, type="no_such_entry"), granted(4, "laser", "s4")]
    assert one.journal(EPOCH, lines, 0) == 4
    until(lambda: Session.objects.filter(session="s4").exists(), "its own session", SOON)
    assert list(Session.objects.values_list("session", "machine")) == [("s4", "laser")]
    assert Entry.objects.count() == 4
    assert set(Notice.objects.values_list("what", flat=True)) == {"foreign", "unreadable"}


def test_a_code_that_was_guessed_five_times_is_dead(real):
    code = str(real.code("laser"))
    client = newcomer(real, code)
    wrong = client.secret[:4] + "A" * 12
    for _guess in range(5):
        assert kind_of(lambda: client.enrol(secret=wrong)) == "refused"
    assert kind_of(client.enrol) == "refused"
    client = newcomer(real)
    for _guess in range(4):
        assert kind_of(lambda: client.enrol(secret=client.secret[:4] + "A" * 12)) == "refused"
    assert client.enrol()["device"]


def test_a_code_takes_one_controller_in(real):
    from server.devices.models import Device

    code = str(real.code("laser"))
    first, other = newcomer(real, code), newcomer(real, code)
    device = first.enrol()["device"]
    assert kind_of(other.enrol) == "refused"
    assert first.enrol()["device"] == device
    assert Device.objects.count() == 1
    other.fingerprint = "0" * 32
    with pytest.raises(Foreign):
        other.hello()


def test_a_controller_that_grants_itself_all_trainings_changes_nothing_for_others(real):
    from server.devices.models import Proposal
    from server.inbox.models import Notice
    from server.whitelist.models import Certification as Certified

    bad, good = enrolled(real, "laser"), enrolled(real, "mill")
    real.edit(
        Training("cut"), Training("turn"), Machine("laser", requires=("cut",)), Machine("mill", requires=("turn",))
    )
    real.edit(Member("mallory"), Member("tom"), Certification("tom", "cut", 3), Certification("tom", "turn", 3))
    brought(good)
    manifest = brought(bad)
    base = manifest["version"]
    before = dict(good.list.rows)
    rows = [{"type": "certification", "member": "mallory", "training": each, "level": 4} for each in ("cut", "turn")]
    rows += [{"type": "machine", "id": "mill"}, {"type": "badge", "hash": "0" * 32, "member": "mallory"}]
    edit = {"type": "whitelist_edited", "version": base + 1, "put": 4, "dropped": 1, "rows": rows, "base": base}
    edit["generation"] = manifest["generation"]
    edit["gone"] = ["certification/tom/turn"]
    lines = [entry(1, by="mallory", **edit), entry(2, by="tom", machine="laser", **edit)]
    lines.append(entry(3, by="tom", machine="mill", **edit))
    bad.journal(EPOCH, lines, 0)
    until(lambda: Notice.objects.filter(what="foreign").exists(), "all read out", SOON)
    good.fetch(1)
    assert good.list.rows == before
    assert not Certified.objects.filter(member="mallory").exists()
    assert Proposal.objects.filter(seq=1).count() == 5
    assert bad.fetch()["includes"][EPOCH] == 0  # nobody has decided


# --- what is to be repaired ---


@pytest.mark.parametrize("number", ["1e999", "1" + "0" * 30], ids=["no-double", "no-column"])
def test_an_entry_with_an_absurd_number_keeps_no_other_controllers_journal_from_being_read(real, number):
    from server.usage.models import Session

    bad, good = enrolled(real, "laser"), enrolled(real, "mill")
    ended = entry(1, type="ended", session="s", machine="laser", why="idle", powered="NUMBER")
    lines = [json.dumps({"epoch": EPOCH, "after": 0, "upto": 1}), json.dumps(ended).replace('"NUMBER"', number)]
    try:
        bad.ask("POST", PREFIX + "/journal", "\n".join(lines).encode(), NDJSON)
    except Problem as refused:
        assert refused.kind == "malformed"  # either will do
    time.sleep(0.2)
    good.journal(EPOCH, [granted(1, "mill", "s1")], 0)
    until(lambda: Session.objects.filter(session="s1").exists(), "the other's session", 1)


def test_bodies_that_never_come_do_not_keep_others_from_hello(real):
    head = [f"POST {PREFIX}/enrol HTTP/1.1", "Content-Type: application/json", "Content-Length: 10"]
    client = newcomer(real)
    client.hello()
    idle = [raw(real, head, b"{") for _each in range(20)]
    try:
        time.sleep(0.2)
        answer = client.session.get(client.base + PREFIX + "/hello", timeout=1)
        assert answer.status_code == 200
    finally:
        for link in idle:
            link.close()


def test_a_body_without_end_is_not_read_to_the_end(real):
    head = [f"POST {PREFIX}/enrol HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked"]
    with raw(real, head) as link, pytest.raises(OSError):  # noqa: PT012 - any of them
        for _each in range(1_000):
            link.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")


def test_every_answer_is_signed(real):
    client = enrolled(real, "laser")
    foreign = []
    for method, path in (("POST", "/nothing"), ("POST", "/report/"), ("PROPFIND", "/hello")):
        try:
            client.send(method, PREFIX + path, signed=False)
        except Foreign:
            foreign.append((method, path))
    assert not foreign


def test_the_real_controller_is_not_taken_in_by_whoever_shows_a_servers_key_and_cannot_sign(shop, second):
    code = second.code
    shown = second.key
    second.signing = independent_server.Ed25519PrivateKey.generate()
    second.key = shown
    from controller.commands import enrol

    with pytest.raises(enrol.EnrolError):
        enrol._identity(shop.settings, read_code(code), again=False)


def test_a_code_takes_one_controller_in_even_where_two_come_at_once(real, monkeypatch):
    from server.devices import enrolment
    from server.devices.models import Device

    code = str(real.code("laser"))
    clients = [newcomer(real, code) for _each in range(2)]
    for client in clients:
        client.hello()
    both = threading.Barrier(2, timeout=1)
    taken_in = enrolment._take_in

    def together(*arguments):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait()
        return taken_in(*arguments)

    monkeypatch.setattr(enrolment, "_take_in", together)

    def ask(client):
        body = json.dumps(client.asking()).encode()
        return client.send("POST", PREFIX + "/enrol", body, "application/json", signed=False).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, clients)) == [200, 403]
    assert Device.objects.count() == 1


def test_a_sealing_key_that_is_none_leaves_the_code_as_it_was(real):
    from server.devices.models import Device

    client = newcomer(real)
    client.hello()
    zero = SimpleNamespace(public_bytes_raw=lambda: bytes(32))
    client.sealing = SimpleNamespace(public_key=lambda: zero)
    with pytest.raises(Problem):
        client.enrol()
    assert not Device.objects.exists()


def test_an_epoch_has_sixteen_digits_and_nothing_after_them(real):
    client = enrolled(real, "laser")
    assert kind_of(lambda: client.journal(EPOCH + "\n", [granted(1, "laser", "s")], 0)) == "malformed"


def test_a_trainer_whose_certification_is_over_lets_nobody_in(real):
    from datetime import date

    from server.inbox.models import Notice
    from server.whitelist.models import Certification as Certified

    client = enrolled(real, "laser")
    real.edit(Training("cut"), Machine("laser", requires=("cut",)), Member("tom", excluded=True), Member("ann"))
    real.edit(Certification("tom", "cut", 3, until=date(2020, 1, 1)))
    manifest = brought(client)
    base = manifest["version"]
    rows = [{"type": "certification", "member": "ann", "training": "cut"}]
    edit = {"version": base, "put": 1, "dropped": 0, "by": "tom", "rows": rows, "base": base, "machine": "laser"}
    edit["generation"] = manifest["generation"]
    client.journal(EPOCH, [entry(1, type="whitelist_edited", **edit)], 0)
    until(Notice.objects.filter(what__in=["edited", "held"]).exists, "read out", SOON)
    assert not Certified.objects.filter(member="ann").exists()


def test_a_controller_that_blocks_a_badge_cannot_make_it_valid_for_longer(real):
    from datetime import date

    from protocol.rows import Badge
    from server.inbox.models import Notice
    from server.people.models import Badge as Badges

    client = enrolled(real, "laser")
    real.edit(Member("ann"), Badge("0" * 32, "ann", until=date(2020, 1, 1)))
    manifest = brought(client)
    base = manifest["version"]
    rows = [{"type": "badge", "hash": "0" * 32, "member": "ann", "blocked": True}]
    edit = {"version": base, "put": 1, "dropped": 0, "by": "ann", "rows": rows, "base": base}
    edit["generation"] = manifest["generation"]
    client.journal(EPOCH, [entry(1, type="whitelist_edited", **edit)], 0)
    until(Notice.objects.filter(what__in=["edited", "held"]).exists, "read out", SOON)
    assert Badges.objects.get(hash="0" * 32).until == date(2020, 1, 1)


def test_the_real_controller_says_that_somebody_else_answers_where_the_signature_does_not_fit(shop, second):
    line = at_second(shop, second)
    line.fetch()
    second.signing = independent_server.Ed25519PrivateKey.generate()
    line.down.step(0)
    assert "somebody else" in line.down.trouble


def test_the_real_controller_asks_for_the_whole_where_an_empty_answer_has_another_digest(shop, second, monkeypatch):
    line = at_second(shop, second)
    line.fetch()
    monkeypatch.setattr(independent_server, "digest_of", lambda _rows: "0" * 64)
    line.down.step(0)
    line.down.step(0)
    assert "base=" not in second.requests[-1]


def test_the_real_controller_waits_where_one_delta_after_another_does_not_add_up(shop, second, monkeypatch):
    line = at_second(shop, second)
    line.fetch()
    right = independent_server.digest_of
    waits = []
    for turn in range(6):
        monkeypatch.setattr(independent_server, "digest_of", lambda _rows: "0" * 64)
        second.put({"type": "member", "id": f"m{turn}"})
        waits.append(line.down.step(0))  # the delta does not fit
        monkeypatch.setattr(independent_server, "digest_of", right)
        waits.append(line.down.step(0))  # the whole does
    assert sum(waits) > 0
