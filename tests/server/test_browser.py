"""The pages in a real browser: from an empty server to the first minutes, without a shell; and for everybody."""

import os
import shutil

import pytest
from browsing import PAGES, PASSWORD, fill
from central import Central, OnTheLine, soon
from workshop import Workshop

from protocol.rows import Certification as CertificationRow

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the browser's driver keeps a loop in this thread; the pages do not
pytestmark = pytest.mark.process
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZES = {"phone": (390, 844), "desk": (1366, 900)}


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield launched
        launched.close()


@pytest.fixture
def central(databases):
    with Central(databases("sqlite")) as running:
        yield running


@pytest.fixture
def browse(chromium, central):
    """Open a browser of somebody's own; whatever a script complains of fails the test."""
    opened = []

    def act(size="desk", language="en"):
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            locale=language,
            ignore_https_errors=True,
            base_url=f"https://{central.address}",
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on(
            "response",
            lambda got: page.complaints.append(f"{got.status} {got.url}") if got.status in {404, 500} else None,
        )
        opened.append((context, page))
        return page

    yield act
    for context, page in opened:
        assert not [each for each in page.complaints if "422" not in each], page.complaints
        context.close()


def begin(page):
    """Make the first account by the link that the server printed."""
    from central import configuration

    from server.accounts import first_visit

    word = first_visit.link(configuration).rpartition("/")[2]
    page.goto(f"/first/{word}")
    page.get_by_label("Name").fill("anne")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button.main").click()
    page.wait_for_url("**/setup")


def log_in(page):
    page.goto("/login")
    page.locator("input[name=username]").fill("anne")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button.main").click()
    page.wait_for_url(lambda url: "login" not in url)


def test_a_workshop_from_an_empty_server_to_its_first_minutes_without_a_shell(browse, central):
    page = browse()
    begin(page)
    page.get_by_label("A new training").fill("Laser")
    page.locator("#trainings button.main").click()
    page.get_by_text("saved").wait_for()

    page.goto("/devices")
    page.get_by_label("What it is called").fill("Saillans")
    page.get_by_role("button", name="Make a code").click()
    typed = page.locator("#code").inner_text().removeprefix("sudo loquet enrol ")
    from protocol.messages import read_code

    with Workshop() as shop:
        shop.edit(drop=list(shop.badges.whitelist.rows()))
        line = OnTheLine(shop, central, code=read_code(typed))
        line.sync()
        line.report()
        page.locator(".device", has_text="Saillans").wait_for()

        page.goto("/setup")
        page.locator("#machines").get_by_role("checkbox", name="Laser").check()
        page.locator("#machines button.main").click()
        page.get_by_text("saved").wait_for()
        page.goto("/members/new")
        page.get_by_label("Name", exact=True).fill("Marie Curie")
        page.get_by_role("button", name="Enter").click()
        page.wait_for_url("**/members/m-0001")

        page.goto("/badges")
        shop.lay("marie")
        line.send()
        fresh = page.locator(".fresh").first
        fresh.wait_for()
        fresh.get_by_label("Member").fill("Marie Curie (m-0001)")
        fresh.get_by_role("button", name="Give it to this member").click()
        page.get_by_text("Marie Curie has this badge now").wait_for()
        shop.take("marie")

        page.goto("/whitelist")
        cell = page.locator("[data-cell]").first
        cell.focus()
        page.keyboard.press("g")
        page.locator(".cell.held").wait_for()
        line.fetch(5)
        shop.lay("marie")
        assert shop.closed()
        shop.wait(600)
        line.send()
        line.report()

        page.goto("/workshop")
        page.locator(".machine.in_use", has_text="Marie Curie").wait_for()

        page.goto("/whitelist")
        page.locator(".cell.held").click()
        page.get_by_role("button", name="Revoke now: cut what runs").click()
        page.locator(".cell.none").wait_for()
        page.get_by_text("it still opens").count()
        line.fetch(5)
        assert not shop.closed(), "revoked at once"
        shop.take("marie")
        shop.lay("marie")
        assert not shop.closed()
        assert shop.refusals()[-1] == "training_missing"
        line.sync()

        page.goto("/usage?month=2026-11")
        page.locator("td", has_text="Marie Curie").first.wait_for()
        assert "0:10" in page.locator("main").inner_text()
        page.goto("/explain?member=m-0001&machine=laser")
        assert "may not use" in page.locator("main").inner_text()


@pytest.mark.parametrize(("size", "language"), [("desk", "en"), ("phone", "fr")])
def test_everybody_can_use_every_page(browse, central, size, language):
    """WCAG 2.2 AA as axe finds it, in a browser: no violation, and nothing wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe

    from server.inbox.notices import notify

    fill()
    notify("gap", None, missing=3)
    page = browse(size, language)
    begin_in(page)
    wrong = []
    options = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
    more = ["/members/m001", "/explain?member=m001&machine=saw", "/whitelist/cell/m001/laser", "/machines/laser"]
    more.append("/merge?one=m001&other=m002")
    for path in [*PAGES, *more, "/report/laser"]:
        page.goto(path)
        found = Axe().run(page, options=options).response["violations"]
        wrong += [
            (path, each["id"], each["nodes"][0]["html"][:160], each["nodes"][0].get("failureSummary", "")[:300])
            for each in found
        ]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            wrong.append((path, "wider than the screen", wide))
    assert not wrong, "\n".join(map(str, wrong))


def begin_in(page):
    from central import configuration

    from server.accounts import first_visit

    page.goto(f"/first/{first_visit.link(configuration).rpartition('/')[2]}")
    page.locator("input[name=username]").fill("anne")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button.main").click()
    page.wait_for_url("**/setup")


def test_rows_come_as_one_scrolls_and_a_class_is_given_a_training_by_ticks(browse, central):
    from playwright.sync_api import expect

    fill()
    page = browse()
    begin(page)
    page.goto("/whitelist")
    assert page.locator("tbody tr").count() == 40
    page.locator("tbody tr").last.scroll_into_view_if_needed()
    expect(page.locator("tbody tr")).to_have_count(60)
    page.locator("#q").fill("Member 05")
    expect(page.locator("tbody tr")).to_have_count(11)
    page.locator("#tick-all").check()
    page.locator("#bar select[name=training]").select_option("wood")
    page.get_by_role("button", name="Give it to all of them").click()
    page.get_by_text("11 people have the training Wood now").wait_for()
    from server.whitelist.models import Certification

    assert Certification.objects.filter(training="wood").count() == 11
    page.locator(".said button").click()
    page.get_by_text("taken back").wait_for()
    assert not Certification.objects.filter(training="wood").exists()


def test_arrows_move_and_keys_grant_extend_and_revoke(browse, central):
    from central import until as wait

    from server.whitelist.models import Certification, ForcedEnd

    fill()
    page = browse()
    begin(page)
    page.goto("/whitelist?q=m010")
    page.locator("[data-cell]").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("g")
    wait(lambda: Certification.objects.filter(member="m010", training="wood").exists(), "the grant")
    page.locator("#c-m010-wood.held").wait_for()
    central.edit(CertificationRow("m010", "wood", until=soon(60)))
    page.reload()
    page.locator("#c-m010-wood.held").focus()
    page.keyboard.press("e")
    wait(lambda: Certification.objects.get(member="m010").until > soon(300), "the extension")
    page.locator("#undo").wait_for()
    page.locator("#c-m010-wood.held").focus()
    page.keyboard.press("n")
    wait(lambda: ForcedEnd.objects.filter(member="m010").exists(), "the revocation")
    assert not Certification.objects.filter(member="m010").exists()
