"""Whatever letters an id has, every link and form that is about it is about it, and about nobody else."""

import html
import re
from urllib.parse import urlencode

from browsing import client, do, row, shown
from hypothesis import HealthCheck, given, settings
from ids import AWKWARD, IDS, link, travelled

from protocol.rows import Badge, Certification, Machine, Member, Training

TOKEN = "csrfmiddlewaretoken"
MS = 1_795_000_000_000


def put(*rows):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    carry_out(Author(name="test"), "demo", rows)


def text(answer):
    return answer.content.decode()


def is_of(page, who):
    return f"<p>Number or id {who} ·" in html.unescape(page)


def used_once(who, name):
    from server.devices.models import Device
    from server.usage.models import Session

    device, _made = Device.objects.get_or_create(id="d", defaults={"key": "k" * 43, "sealing": "s"})
    Session.objects.create(
        device=device, session=name, machine="laser", member=who, boot="b", began=0, started=MS, quality="kept",
        ended=True, powered=60_000,
    )  # fmt: skip


class Journey:
    """A fabmanager who has to do with one member, by links and forms alone."""

    def __init__(self, browser, who, number):
        self.browser, self.who, self.name = browser, who, f"Person{number:05d}"
        self.hashes = [f"{number * 2 + each:032x}" for each in (0, 1)]
        put(Member(who, self.name), Badge(self.hashes[0], who))
        used_once(who, self.name)

    def get(self, address, at="/"):
        answer = self.browser.get(travelled(address, at), secure=True)
        assert answer.status_code == 200, (self.who, address, answer.status_code)
        return text(answer)

    def lists(self):
        """Yield the address of the member's page, as each list leads to it."""
        for at in (f"/whitelist?show=all&q={self.name}", f"/badges?q={self.name}"):
            yield link(self.get(at), rf'<a(?: class="ellip")? href="([^"]+)">{self.name}</a>')
        session = link(self.get("/usage/sessions"), rf'<a href="(/usage/\d+)">[^\n]+{self.name}')
        yield link(self.get(session), rf'<a href="([^"]+)">{self.name}</a>')

    def saves(self, address):
        """Save the member's form, twice by a double click, and look where that leads."""
        fields = shown(self.browser, travelled(address))
        for _click in range(2):
            answer = do(self.browser, travelled(address), do="save", name=self.name, category="student", **fields)
            assert answer.status_code == 302
            assert is_of(self.get(answer.headers["Location"]), self.who), (self.who, answer.headers["Location"])
        assert row(f"member/{self.who}").category == "student"

    def is_explained(self, page):
        said = link(page, r'href="(/explain\?[^"]*)"')
        found = html.unescape(self.get(f"{said}&machine=laser"))
        assert f"{self.name} may" in found, self.who
        # And the field of that page, sent as it stands there, means them too.
        field = link(self.get(said + "&machine=laser"), r'<input[^>]* name="member"[^>]* value="([^"]*)"')
        again = self.browser.get("/explain", {"member": field, "machine": "laser"}, secure=True)
        assert f"{self.name} may" in text(again), (self.who, field)

    def gets_a_badge(self, page):
        form = self.get(link(page, r'href="(/badges\?[^"]*)"'))
        prefilled = link(form, r'<input[^>]* name="member"[^>]* value="([^"]+)"')
        do(self.browser, "/badges", do="give", hash=self.hashes[1], member=prefilled)
        assert row(f"badge/{self.hashes[1]}").member == self.who

    def is_certified(self, page):
        grid = self.get(link(page, r'href="(/whitelist\?[^"]*)"'))
        assert re.findall(r"Person\d{5}</a>", grid) == [f"{self.name}</a>"], "they alone are shown"
        cell = travelled(link(grid, r'data-cell="([^"]+)"'))
        assert self.name in self.get(cell)
        assert do(self.browser, cell, do="grant", level="user").status_code == 302
        assert row(f"certification/{self.who}/laser") == Certification(self.who, "laser")

    def is_counted(self):
        asked = self.get(f"/usage?{urlencode({'month': '2026-11', 'member': self.name})}")
        found = self.get(link(asked, rf'<a class="plain grow ellip" href="([^"]+)">{self.name}</a>'))
        assert found.count('href="/usage/') - found.count('href="/usage/sessions') == 1, self.who

    def is_forgotten(self, address):
        do(self.browser, travelled(address), do="forget", sure=self.who)
        assert row(f"member/{self.who}") is None, self.who


def go_all_the_way(browser, who, number):
    journey = Journey(browser, who, number)
    addresses = list(journey.lists())
    for address in addresses:
        assert is_of(journey.get(address), who), (who, address)
    journey.saves(addresses[0])
    page = journey.get(addresses[0])
    journey.is_explained(page)
    journey.gets_a_badge(page)
    journey.is_certified(page)
    journey.is_counted()
    journey.is_forgotten(addresses[0])


def test_links_and_forms_of_a_member_lead_to_that_member(sqlite):
    put(Training("laser", "Laser"), Machine("laser", "Laser 1", ("laser",)))
    browser, count = client(), iter(range(100_000))
    for who in AWKWARD:
        go_all_the_way(browser, who, next(count))

    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
    @given(IDS)
    def of_any(who):
        from server.usage.models import Session

        Session.objects.all().delete()
        go_all_the_way(browser, who, next(count))

    of_any()


def test_ids_that_differ_by_little_are_different_people(database):
    ids = ["ann", "Ann", "ANN", "ann ", " ann", "a nn", "an\u0301n", "ańn", "a_n", "a%n", "ann\\"]
    put(*(Member(who, f"Nr {number}") for number, who in enumerate(ids)))
    browser = client()
    for number, who in enumerate(ids):
        page = text(browser.get("/members", {"id": who}, secure=True))
        assert is_of(page, who) and f">Nr {number}</h1>" in page
        assert row(f"member/{who}").name == f"Nr {number}"


def test_the_pages_of_new_members_and_of_offers_stay_where_they_were(sqlite):
    put(Member("new", "Nora New"), Member("options", "Otto"))
    browser = client()
    assert "New member" in text(browser.get("/members/new", secure=True))
    assert "<option" in text(browser.get("/members/options?member=nora", secure=True))
    assert is_of(text(browser.get("/members?id=new", secure=True)), "new")
    assert "Nora New" in text(browser.get("/members", secure=True))


def test_a_member_who_is_called_as_the_page_of_new_ones_is_entered_and_shown(sqlite):
    answer = do(client(), "/members/new", name="Nora", id="new")
    assert answer.headers["Location"] == "/members?id=new"


def test_labels_that_hang_at_machines_lead_where_they_did(sqlite):
    put(Training("t"), Machine("laser", "Laser 1", ()), Machine("saw é", "Saw", ()), Machine("..", "Dots", ()))
    browser = client()
    for printed in ("/report/laser", "/report/saw%20%C3%A9", "/machines/laser"):
        assert browser.get(printed, secure=True).status_code == 200
    assert ">https://localhost/report/laser<" in text(browser.get("/machines/laser", secure=True))
    for name, machine in (("Laser 1", "laser"), ("Saw", "saw é"), ("Dots", "..")):
        page = text(browser.get("/machines", secure=True))
        address = travelled(link(page, rf'<h2[^>]*><a class="plain stretched-link" href="([^"]+)">{name}</a>'))
        report = link(text(browser.get(address, secure=True)), r'<img class="qr"[^>]+alt="([^"]+)"')
        assert do(client("trainer"), travelled(report), note="broken").status_code == 200
        answer = do(browser, address, do="report", note="squeaks")
        assert "squeaks" in text(browser.get(travelled(answer.headers["Location"]), secure=True))
        from server.upkeep.models import Defect

        assert Defect.objects.filter(machine=machine).count() == 2
        Defect.objects.all().delete()
        from server.accounts.models import Account

        Account.objects.filter(role="trainer").delete()


def test_trainings_machines_and_organisations_of_odd_ids_are_changed_by_their_forms(sqlite):
    from server.people.models import Organisation
    from server.whitelist import models

    put(Training("a  b", "Two spaces"), Training("a b", "One"), Machine(" m", "Blank", ()), Machine("m", "Plain", ()))
    Organisation.objects.create(id="les  amis", name="Les amis")
    browser = client()
    do(browser, "/setup", do="training", id="a  b", name="Renamed")
    assert (row("training/a  b").name, row("training/a b").name) == ("Renamed", "One")
    do(browser, "/setup", do="machine", id=" m", name="Renamed", requires=["a  b"])
    assert (row("machine/ m").name, row("machine/m").name) == ("Renamed", "Plain")
    do(browser, "/machines", machine=" m", do="lock", why="x")
    assert models.Machine.objects.get(locked="x").pk == " m"
    do(browser, "/organisations", do="save", id="les  amis", name="Amis")
    assert Organisation.objects.get().name == "Amis"


def test_members_trainings_and_machines_of_any_id_are_made_one_by_their_forms(sqlite):
    from server.people.models import NotTheSame
    from server.whitelist import models

    put(Member("kept", "Kept"), *(Member(who, "Ann") for who in (*AWKWARD, "a b")))
    put(*(Training(who, who) for who in ("a  b", "a b", "laser")))
    browser = client()
    for who in AWKWARD:
        page = shown(browser, f"/merge?{urlencode({'one': 'kept', 'other': who})}")
        do(browser, "/merge", **{name: html.unescape(value) for name, value in page.items() if name != TOKEN})
        assert row(f"member/{who}") is None, who
        do(browser, "/separate", gone=who)
        assert row(f"member/{who}") is not None, who
    do(browser, "/duplicates", do="different", one="a  b", other="kept")
    assert NotTheSame.objects.filter(one="a  b").exists()
    do(browser, "/setup", do="same", what="training", gone="a  b", kept="laser", at="trainings")
    assert set(models.Training.objects.filter(retired=False).values_list("pk", flat=True)) == {"a b", "laser"}


def test_who_pays_survives_the_form_of_whom_they_pay_for(sqlite):
    from server.people.models import Organisation

    Organisation.objects.create(id="les  amis (du bois)", name="Amis (de la forge)")
    put(Member("x", "X", payer="les  amis (du bois)"))
    browser = client()
    page = text(browser.get("/members/x", secure=True))
    do(browser, "/members/x", do="save", name="X", payer=link(page, r'name="payer"[^>]*value="([^"]*)"'))
    assert row("member/x").payer == "les  amis (du bois)" and Organisation.objects.count() == 1


def test_a_login_on_the_way_leads_to_whom_somebody_wanted(sqlite):
    from browsing import PASSWORD
    from django.test import Client

    for who in AWKWARD:
        put(Member(who, "Ann"))
    client("fabmanager")
    for who in ("ADH#12", "..", "a&b=c", "a  b", "🔑" * 64):
        stranger = Client(secure=True, headers={"host": "localhost", "accept-language": "en"})
        login = stranger.get("/members", {"id": who}, secure=True).headers["Location"]
        page = text(stranger.get(login, secure=True))
        wanted = link(page, r'class="form">.*?name="next" value="([^"]+)"')
        answer = stranger.post("/login", {"username": "fabmanager-", "password": PASSWORD, "next": wanted}, secure=True)
        assert is_of(text(stranger.get(travelled(answer.headers["Location"]), secure=True)), who)


def test_no_two_cells_have_one_element():
    import central  # noqa: F401 - Django is up

    from server.whitelist.columns import Cell, Column

    pairs = [("a-b", "c"), ("a", "b-c"), ("a b", "c"), ("a", "b c"), ("é", "x"), ("#", "."), ("m010", "wood")]
    names = [Cell(member, "", Column(training, "", ()), None, "none").element for member, training in pairs]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"c-[\w-]+", each, re.ASCII) for each in names)
