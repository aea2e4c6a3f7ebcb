"""The jobs of a fabmanager's day, by hand in a real browser: how many clicks each takes."""

import os

import pytest
from in_browser import ON_SQLITE, begin
from lived_in import live

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the browser's driver keeps a loop in this thread; the pages do not
pytestmark = [pytest.mark.process, ON_SQLITE]


class Hand:
    """A fabmanager's hand: how often it clicks."""

    def __init__(self, page):
        self.page, self.clicks = page, 0

    def click(self, *where, **how):
        self.clicks += 1
        self.page.locator(*where, **how).first.click()

    def door(self, name):
        self.click(f".side nav a:has-text('{name}')")
        self.page.wait_for_load_state()


def mended(hand):
    hand.click("li:has-text('Lame voilée') a.btn")
    hand.click("#waiting button:has-text('Mended')")
    hand.page.get_by_text("mended; thank you").wait_for()


def locked(hand):
    hand.door("Machines")
    hand.click("article:has-text('Ponceuse') .doing button:has-text('Lock')")
    hand.click(".sheet:popover-open button[value=lock]")
    hand.page.get_by_text("Ponceuse is being locked").wait_for()


def unlocked(hand):
    hand.door("Machines")
    hand.click("article:has-text('Four céramique') button:has-text('Unlock')")
    hand.page.get_by_text("is being unlocked").wait_for()


def ended(hand):
    hand.door("Machines")
    hand.click("article:has-text('Découpe vinyle') button:has-text('End')")
    hand.page.get_by_text("is being ended").wait_for()


def found_by_name(hand):
    hand.page.keyboard.press("Control+k")
    hand.page.locator("#palette input").fill("armand anais")
    hand.page.locator("#results a:has-text('Anaïs Armand')").wait_for()
    hand.page.keyboard.press("Enter")
    hand.page.wait_for_url("**/members/*")


def given(hand):
    hand.click(".may button:has-text('Give it')")
    hand.page.locator(".said", has_text="gave").wait_for()


def taken_back(hand):
    hand.click(".said form button")
    hand.page.get_by_text("taken back").wait_for()


def lost(hand):
    hand.click("#badges button:text-is('Lost')")
    hand.page.get_by_text("blocked, from the next tap on").wait_for()


def invited(hand):
    hand.click("#account button")
    hand.page.locator("#link").wait_for()


def last_month(hand):
    hand.door("Usage")
    hand.click(".stepper a")
    hand.page.locator("h2:text-is('By machine')").wait_for()


def as_a_file(hand):
    hand.click(".period .end")
    with hand.page.expect_download() as waited:
        hand.click("#export a:has-text('XLSX')")
    assert waited.value.suggested_filename.endswith(".xlsx")


def planned(hand):
    hand.door("Machines")
    hand.click("h2 a:has-text('Ponceuse')")
    hand.click("#tasks button:has-text('Plan something')")
    hand.page.locator("#task input[name=what]").fill("Empty the dust bag")
    hand.page.locator("#task input[name=hours]").fill("20")
    hand.click("#task button[value=task]")
    hand.page.get_by_text("in 20 hours of use").wait_for()


def card_printed(hand):
    hand.door("Machines")
    hand.click("a:has-text('Cards to hang up')")
    hand.page.locator(".qr").first.wait_for()


def member_entered(hand):
    hand.door("Members")
    hand.click("a:has-text('New member')")
    hand.page.get_by_label("Name", exact=True).fill("Nora Neuf")
    hand.click("main button.btn-primary")
    hand.page.locator("h1:has-text('Nora Neuf')").wait_for()


def who_is_here(hand):
    hand.page.goto("/")
    hand.page.locator("#here li").first.wait_for()


JOBS = (
    (who_is_here, 0), (mended, 2), (locked, 3), (unlocked, 2), (ended, 2), (found_by_name, 0), (given, 1),
    (taken_back, 1), (lost, 1), (invited, 1), (last_month, 2), (as_a_file, 2), (planned, 4), (card_printed, 2),
    (member_entered, 3),
)  # fmt: skip


def test_fifteen_jobs_of_a_day_take_no_more_clicks_than_we_promise(browse, central):
    """As `docs/testing.md` has them, one after the other, by hand."""
    live(sessions=120, days=40)
    page = browse()
    begin(page)
    took = {}
    for job, most in JOBS:
        if job in {mended, locked}:
            page.goto("/today")
        hand = Hand(page)
        job(hand)
        took[job.__name__] = (hand.clicks, most)
    assert all(clicks <= most for clicks, most in took.values()), took
