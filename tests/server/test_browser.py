"""The pages in a real browser: from an empty server to the first minutes, without a shell; and for everybody."""

import os
from datetime import UTC, datetime

import pytest
from browsing import PAGES, fill
from central import OnTheLine, soon
from in_browser import ON_SQLITE, begin
from workshop import Workshop

from protocol.rows import Certification as CertificationRow

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the browser's driver keeps a loop in this thread; the pages do not
pytestmark = [pytest.mark.process, ON_SQLITE]


def test_a_workshop_from_an_empty_server_to_its_first_minutes_without_a_shell(browse, central):
    page = browse()
    begin(page)
    page.get_by_label("A new training").fill("Laser")
    page.locator("#trainings button.btn-primary").click()
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
        page.locator("#machines button.btn-primary").click()
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
        page.locator(".cell.held").first.wait_for()
        line.fetch(5)
        shop.lay("marie")
        assert shop.closed()
        shop.wait(600)
        line.send()
        line.report()

        page.goto("/machines")
        page.locator(".machine.use", has_text="Marie Curie").wait_for()

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
        page.locator("li", has_text="Marie Curie").first.wait_for()
        assert "10\u00a0min" in page.locator("main").inner_text()
        page.goto("/explain?member=m-0001&machine=laser")
        assert "may not use" in page.locator("main").inner_text()


TOO_WIDE = """[...document.querySelectorAll("main *")].filter(
    (each) => each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
).map((each) => each.outerHTML.slice(0, 160)).slice(-3)"""


@pytest.mark.parametrize(("size", "language", "theme"), [("desk", "en", "dark"), ("phone", "fr", "light")])
def test_everybody_can_use_every_page(browse, central, size, language, theme):
    """WCAG 2.2 AA as axe finds it, in a browser: no violation, and nothing wider than the screen."""
    from axe_playwright_python.sync_playwright import Axe

    from server.inbox.notices import notify

    fill()
    notify("gap", None, missing=3)
    page = browse(size, language, theme)
    begin(page)
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
            wrong.append((path, "wider than the screen", wide, page.evaluate(TOO_WIDE)))
    assert not wrong, "\n".join(map(str, wrong))


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
    page.locator(".said form button").click()
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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_of_components_is_drawn_in_both_themes(browse, central, theme, tmp_path):
    page = browse(theme=theme)
    begin(page)
    page.goto("/design")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(246, 242, 233)", "dark": "rgb(18, 23, 20)"}[theme]
    drawn = "[...document.querySelectorAll('main .icon')].every((each) => each.getBBox().width > 0)"
    page.wait_for_function(drawn)
    assert len(page.screenshot(path=tmp_path / f"design-{theme}.png", full_page=True)) > 50_000


def test_what_somebody_types_is_not_swept_away_by_an_answer_that_was_on_its_way(browse, central):
    """Slow lines do it: the list of unknown badges was asked for before, and answers after."""
    from server.people.models import UnknownBadge

    UnknownBadge.objects.create(hash="c" * 32, machine="laser", at=datetime.now(UTC))
    page = browse()
    begin(page)
    held = []
    page.route(
        "**/badges", lambda route: held.append(route) if "hx-request" in route.request.headers else route.continue_()
    )
    with page.expect_request(lambda request: "hx-request" in request.headers):
        page.goto("/badges")
    page.locator(".fresh").get_by_label("Member").fill("Marie Curie")
    page.get_by_role("button", name="Give it to this member").focus()
    with page.expect_response("**/badges"):
        held.pop().continue_()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.locator(".fresh").get_by_label("Member").input_value() == "Marie Curie"


def test_a_member_comes_in_by_the_link_that_was_sent_to_them(browse, central):
    """In a browser, which says where a form came from as the page lets it: a policy of the page can forbid that."""
    from sesame.utils import get_token

    from server.accounts.models import Account

    fill()
    account = Account.objects.create(username="m001", role="member", member="m001")
    page = browse()
    page.goto(f"/login/link/{get_token(account)}")
    page.locator("main button.btn-primary").click()
    page.wait_for_url("**/me")
    page.get_by_role("heading", name="Hello Member").wait_for()
