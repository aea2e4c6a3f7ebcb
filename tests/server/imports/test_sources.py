"""A sheet that is read each night is proposed, and never taken over by itself."""

import http.server
import ssl
import threading

import pytest
from browsing import client, do
from central import configuration, until
from imports.sheet import members, words


def put(name, text):
    from server.imports import sources

    sources.folder().mkdir(exist_ok=True)
    (sources.folder() / name).write_text(text)


def add(browser, place, **fields):
    return do(browser, "/import-source", do="add", place=place, **fields)


def test_what_a_file_says_anew_is_proposed_once_and_counts_when_somebody_says_so(database):
    from datetime import timedelta

    from server.core import clock
    from server.imports import sources
    from server.imports.models import Draft, Source
    from server.inbox.models import Notice

    browser = client()
    put("list.csv", "nom\nZoé\n")
    assert add(browser, "list.csv")["Location"].startswith("/import/")
    assert Draft.objects.count() == 1 and "Zoé" not in members()
    assert "See what would change" in words(browser.get("/import", secure=True))
    place = f"/import/{Draft.objects.get().token}"
    do(browser, place, do="drop")

    def night():
        Source.objects.update(read=clock.now() - timedelta(days=1))
        sources.look_at_all()

    night()
    assert not Draft.objects.exists(), "what was declined is not proposed again"
    put("list.csv", "nom\nZoé\nLéo\n")
    sources.look_at_all()
    assert not Draft.objects.exists(), "it is read once a day"
    night()
    assert Draft.objects.count() == 1 and not members(), "nothing counts by itself"
    assert Notice.objects.filter(what="sheet", done=None).exists()
    put("list.csv", "nom\nZoé\nLéo\nAnn\n")
    night()
    assert Draft.objects.count() == 1, "the later word takes the place of the one before"


def test_a_file_that_is_gone_says_so_on_the_page_and_is_tried_again(sqlite):
    from server.imports.models import Source

    browser = client()
    add(browser, "missing.csv")
    said = words(browser.get("/import", secure=True))
    assert "missing.csv" in said and "cannot be read" in said
    put("missing.csv", "nom\nZoé\n")
    assert do(browser, "/import-source", do="look", source=Source.objects.get().pk)["Location"].startswith("/import/")


def test_what_is_no_file_is_not_waited_for_and_nothing_leads_out_of_the_folder(sqlite):
    import os

    from server.imports import sources
    from server.imports.models import Source

    browser = client()
    put("real.csv", "nom\nZoé\n")
    for name in ("pipe.csv", "folder.csv", "link.csv"):
        if name != "folder.csv":
            (sources.folder() / name).unlink(missing_ok=True)
    os.mkfifo(sources.folder() / "pipe.csv")
    (sources.folder() / "folder.csv").mkdir(exist_ok=True)
    (sources.folder() / "link.csv").symlink_to("/etc/passwd")
    for name in ("pipe.csv", "folder.csv", "link.csv"):
        assert add(browser, name)["Location"] == "/import", name
        assert Source.objects.get(place=name).error, name


@pytest.mark.parametrize(
    "place",
    ["../server.toml", "/etc/passwd", "a/b.csv", "..", ".hidden", "http://example.org/list.csv", "ftp://example.org/x",
     "file:///etc/passwd", "https://", "https://[", "https://x:99999/"],
)  # fmt: skip
def test_only_files_of_one_folder_and_addresses_with_tls_are_read(sqlite, place):
    from server.imports.models import Source

    answer = add(client(), place)
    assert answer["Location"] == "/import" and not Source.objects.exists()


def test_only_an_administrator_has_a_sheet_be_read_by_itself(sqlite):
    from server.imports.models import Source

    assert add(client("fabmanager"), "list.csv").status_code == 403
    assert not Source.objects.exists()


def test_the_whole_truth_at_night_waits_for_a_person_too(sqlite):
    from protocol.rows import Member
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.imports.models import Draft

    carry_out(Author(name="test"), "demo", [Member(f"p{n}", f"Person {n}") for n in range(3)])
    browser = client()
    put("all.csv", "nom\nPerson 0\n")
    place = add(browser, "all.csv", whole="1")["Location"]
    said = words(browser.get(place, secure=True))
    assert "2 of 3 members" in said and members()["Person 1"].until is None
    do(browser, place)
    assert members()["Person 1"].until is None, "more than a tenth is asked about again"
    assert Draft.objects.exists()


@pytest.fixture
def net(tmp_path, monkeypatch):
    """A web server with TLS that requests believe, and what it answers."""
    from server.core import tls

    tls.make(tmp_path, ["localhost"])
    pem = tmp_path / tls.FILE
    answers = {}

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in body:
                try:
                    self.wfile.write(piece)
                except OSError:
                    return

        def log_message(self, *_said):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}", answers
    server.shutdown()
    server.server_close()


def test_an_address_is_read_within_its_bounds(sqlite, net):
    from server.imports import sources
    from server.imports.models import Source

    base, answers = net
    browser = client()
    answers["/list.csv"] = 200, {}, ["nom\nZoé\n".encode()]
    assert add(browser, f"{base}/list.csv")["Location"].startswith("/import/")
    for path, answer, word in (
        ("/gone", (404, {}, [b""]), "404"),
        ("/clear", (302, {"Location": "http://localhost/x"}, [b""]), "travel in clear"),
        ("/round", (302, {"Location": "/round"}, [b""]), "TooManyRedirects"),
        ("/huge", (200, {}, [bytes(1 << 20)] * 20), "16 MB"),
        ("/page", (200, {}, [b"<html><p>Please log in</p></html>"]), "column"),
    ):
        answers[path] = answer
        source = Source.objects.create(site_id="main", place=base + path)
        draft = sources.look(source)
        said = str(source.error or (draft and draft.plan["wrong"]))
        assert word in said or word in words(browser.get("/import", secure=True)), (path, said)


def test_whoever_leads_from_one_place_to_the_next_is_given_up_after_a_minute(sqlite, net, monkeypatch):
    from server.imports import sources

    base, answers = net
    answers["/round"] = 302, {"Location": "/round"}, [b""]
    monkeypatch.setattr(sources, "WHOLE_S", -1.0)
    with pytest.raises(sources.SourceError, match="timeout"):
        sources.fetch(f"{base}/round")


def test_an_address_that_drips_keeps_nothing_else_waiting(sqlite, net):
    from server.imports.models import Draft, Source
    from server.operations.chores import IDLE_S, Chores

    base, answers = net
    go_on = threading.Event()

    def drips():
        yield b"nom\n"
        go_on.wait(20.0)
        yield "Zoé\n".encode()

    answers["/list.csv"] = 200, {}, drips()
    Source.objects.create(site_id="main", place=f"{base}/list.csv")
    at = [0.0]
    work = Chores(configuration, now=lambda: at[0])
    at[0] = IDLE_S
    work.step()
    assert Source.objects.get().read is None and not Draft.objects.exists(), "nobody waited for it"
    go_on.set()
    until(Draft.objects.exists, "it is proposed all the same")


def test_what_is_proposed_waits_for_a_person_for_as_long_as_it_takes(sqlite, monkeypatch):
    from server.core import clock
    from server.imports import drafts
    from server.imports.models import Draft
    from server.operations import retention

    browser = client()
    put("list.csv", "nom\nZoé\n")
    add(browser, "list.csv")
    now = clock._clock
    monkeypatch.setattr(clock, "_clock", lambda: now() + 10 * 86_400)
    retention.purge(configuration)
    assert drafts.get(Draft.objects.get().token, 0, None) is not None


def test_another_program_writes_into_a_folder_that_the_settings_name(tmp_path):
    from server.core.configuration import read

    file = tmp_path / "server.toml"
    assert read({"server": {"data_dir": "data"}}, file).sheets == tmp_path / "data/sheets"
    assert str(read({"server": {"sheets": "/srv/sheets"}}, file).sheets) == "/srv/sheets"
