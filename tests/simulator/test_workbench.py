"""The page on which anyone plays: what it shows is what the simulated hardware does, in both languages."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from simulator.stage import until

pytestmark = pytest.mark.process
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZES = {"phone": (390, 844), "desk": (1366, 900)}


def start(environment):
    """Start `loquet demo` as `make demo` does; give the process and its address."""
    command = [sys.executable, "-m", "controller", "demo", "--no-server", "--no-browser", "--port", "0"]
    around = {**os.environ, "LOQUET_LANGUAGE": "en", "PYTHONUNBUFFERED": "1", **environment}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=around)
    said = ""
    for line in process.stdout:
        said += line
        if "http://" in line:
            return process, "http" + said.partition("http")[2].split()[0]
    return pytest.fail(said)


@pytest.fixture(scope="module")
def workbench():
    """A workbench's address."""
    process, address = start({})
    yield address
    process.terminate()
    process.wait(30)
    process.stdout.close()


@pytest.fixture
def short_folder():
    """A folder whose path leaves room for a socket's in it."""
    with tempfile.TemporaryDirectory(prefix="w-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def browser():
    """Chromium of this system."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield launched
        launched.close()


@pytest.fixture
def open_page(workbench, browser):
    """Open the page; whatever its script complains of fails the test. All is as at the start again at the end."""
    opened = []

    def act(size="desk", language="en", **more):
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, locale=language, **more)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.goto(workbench)
        page.locator("#lines li").first.wait_for()
        opened.append((context, page))
        for name in ("lid", "emergency-stop"):
            act_on(workbench, "switch", machine="laser", name=name, on="no")
        act_on(workbench, "amount", machine="printer", name="current", amount="0")
        for machine in ("laser", "printer"):  # whatever an earlier test left is ended
            act_on(workbench, "press", machine=machine, name="off-button")
            shows(station(page, machine).locator(".said"), {"en": "free", "fr": "libre"}[language])
            shows(station(page, machine).locator(".sensed"), ": 0")
        return page

    yield act
    for context, page in opened:
        complaints = page.complaints
        context.close()
        assert complaints == []
    for thing in ("marie", "jean", "laure", "paul", "stranger", "phone", "wallet", "teaching"):
        act_on(workbench, "take", thing=thing)


def act_on(workbench, what, /, *, kind="application/json", host=None, raw=None, **places):
    request = urllib.request.Request(
        f"{workbench}do/{what}", data=json.dumps(places).encode() if raw is None else raw, method="POST"
    )
    request.add_header("Content-Type", kind)
    if host:
        request.add_header("Host", host)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def station(page, machine):
    return page.locator(f'.station[data-machine="{machine}"]')


def thing(page, name):
    return page.locator(f'.thing[data-thing="{name}"] > .card')


def shows(locator, text):
    from playwright.sync_api import expect

    expect(locator).to_contain_text(text, timeout=30_000)


def powered(page, machine):
    station(page, machine).and_(page.locator(".powered")).wait_for()


def unpowered(page, machine):
    station(page, machine).and_(page.locator(":not(.powered)")).wait_for()


def test_a_badge_dragged_with_the_mouse_closes_the_relay_and_its_use_is_in_the_table(open_page):
    page = open_page()
    thing(page, "marie").drag_to(station(page, "laser").locator(".reader"))
    powered(page, "laser")
    shows(station(page, "laser").locator("[data-contact=machine] .relay"), "CLOSED")
    shows(station(page, "laser").locator("[data-contact=extractor] .relay"), "CLOSED")
    shows(station(page, "laser").locator(".said"), "Marie Curie")
    shows(station(page, "laser").locator(".colour"), "green")
    station(page, "laser").locator(".lying .card").click()
    unpowered(page, "laser")
    shows(page.locator("#sessions tr").first, "badge taken off")
    shows(page.locator('[data-hint="grant"].done'), "Marie")
    shows(page.locator('[data-hint="minutes"].done'), "relay")


def test_the_keyboard_alone_is_enough(open_page):
    page = open_page()
    thing(page, "jean").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    powered(page, "printer")
    assert page.evaluate("document.activeElement.closest('.thing').dataset.thing") == "jean"
    page.keyboard.press("0")
    shows(station(page, "printer").locator(".lying"), "nothing on the reader")
    station(page, "printer").locator(".press").focus()
    page.keyboard.press("Enter")
    unpowered(page, "printer")
    shows(page.locator("#sessions tr").first, "ended by button")


def test_a_finger_on_a_phone_is_enough_and_nothing_sticks_out(open_page):
    page = open_page("phone", has_touch=True, is_mobile=True)
    thing(page, "wallet").tap()
    page.locator('.thing[data-thing="wallet"] [data-lay="laser"]').tap()
    powered(page, "laser")
    shows(station(page, "laser").locator(".said"), "Marie Curie")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]
    for button in page.locator("button:visible").all():
        assert button.bounding_box()["height"] >= 39.5, button.text_content()


def test_who_is_not_trained_is_refused_and_reads_what_would_help(open_page):
    page = open_page()
    last = station(page, "laser").locator(".last")
    for name, sentence in (("jean", "you need the training laser"), ("paul", "your access is suspended")):
        thing(page, name).drag_to(station(page, "laser").locator(".reader"))
        shows(page.locator("#lines li").first, sentence)
        shows(last, sentence)
        unpowered(page, "laser")
        station(page, "laser").locator(".lying .card").click()
        shows(station(page, "laser").locator(".sensed"), "sensed: 0")


def test_the_page_speaks_french_whole_and_switches(open_page):
    page = open_page(language="fr")
    shows(page.locator("h1"), "l'établi")
    shows(station(page, "laser").locator(".said"), "libre")
    page.get_by_role("link", name="English").click()
    shows(page.locator("h1"), "the workbench")


def test_what_is_killed_comes_back_and_what_runs_opens(open_page):
    page = open_page()
    thing(page, "marie").drag_to(station(page, "laser").locator(".reader"))
    powered(page, "laser")
    page.locator("#kill").click()
    unpowered(page, "laser")
    shows(page.locator('[data-hint="kill"].done'), "guard")
    shows(page.locator("#daemon"), "running")
    shows(page.locator("#sessions tr").first, "interrupted")


def test_what_hangs_is_ended_by_the_guard_and_comes_back(open_page):
    page = open_page()
    thing(page, "marie").drag_to(station(page, "laser").locator(".reader"))
    powered(page, "laser")
    page.locator("#freeze").click()
    shows(page.locator("#daemon"), "frozen")
    unpowered(page, "laser")
    shows(page.locator("#daemon"), "running")


def test_a_print_goes_on_when_the_program_is_killed_and_switches_itself_off_when_it_is_done(open_page):
    page = open_page()
    thing(page, "jean").drag_to(station(page, "printer").locator(".reader"))
    powered(page, "printer")
    shows(station(page, "printer").locator(".lcd"), "Jean")
    station(page, "printer").locator(".lying .card").click()
    slider = station(page, "printer").locator(".amount input")
    slider.fill("4")
    shows(station(page, "printer").locator(".amount output"), "4 A")
    page.locator("#kill").click()
    shows(page.locator("#lines"), "the controller came back in time")
    powered(page, "printer")
    shows(page.locator('[data-hint="resume"].done'), "one session")
    slider.fill("0")
    unpowered(page, "printer")
    shows(page.locator("#sessions tr").first, "job done")


def test_a_teaching_badge_lets_a_stranger_in(open_page):
    page = open_page()
    laser = station(page, "laser")
    thing(page, "teaching").drag_to(laser.locator(".reader"))
    shows(laser.locator(".said"), "lets others in")
    laser.locator(".lying .card").click()
    shows(laser.locator(".sensed"), ": 0")
    thing(page, "stranger").drag_to(laser.locator(".reader"))
    shows(page.locator('[data-hint="teach"].done'), "stranger")
    laser.locator(".lying .card").click()
    shows(laser.locator(".sensed"), ": 0")
    thing(page, "teaching").drag_to(laser.locator(".reader"))
    shows(laser.locator(".said"), "free")
    laser.locator(".lying .card").click()
    shows(laser.locator(".sensed"), ": 0")
    thing(page, "stranger").drag_to(laser.locator(".reader"))
    powered(page, "laser")
    laser.locator(".lying .card").click()
    unpowered(page, "laser")
    assert "let" in page.locator("#lines").inner_text()


def test_lid_and_emergency_stop_are_switches_and_do_what_they_say(open_page):
    page = open_page()
    laser = station(page, "laser")
    thing(page, "marie").drag_to(laser.locator(".reader"))
    powered(page, "laser")
    lid = laser.get_by_role("button", name="Lid open")
    lid.click()
    shows(laser.locator("[data-contact=beam] .relay"), "open")
    powered(page, "laser")
    lid.click()
    shows(laser.locator("[data-contact=beam] .relay"), "CLOSED")
    stop = laser.get_by_role("button", name="Emergency stop pressed")
    stop.click()
    unpowered(page, "laser")
    shows(laser.locator("[data-contact=extractor] .relay"), "open")
    shows(laser.locator(".said"), "emergency-stop")
    stop.click()
    laser.locator(".lying .card").click()
    shows(laser.locator(".sensed"), ": 0")
    thing(page, "marie").drag_to(laser.locator(".reader"))
    shows(laser.locator(".said"), "free")


def test_the_oled_shows_dots_and_goes_dark_with_the_mains(open_page):
    page = open_page()

    def lit():
        return page.evaluate(
            "[...document.querySelector('.oled').getContext('2d').getImageData(0, 0, 128, 64).data]"
            ".filter((value, index) => index % 4 === 1 && value > 100).length"
        )

    until(lambda: lit() > 100, "there is something to read")
    page.locator("#mains").click()
    until(lambda: lit() == 0, "it is dark")
    page.locator("#mains").click()
    until(lambda: lit() > 100, "it says something again")


def test_without_mains_nothing_is_lit_and_nothing_starts_by_itself_when_it_comes_back(open_page):
    page = open_page()
    thing(page, "marie").drag_to(station(page, "laser").locator(".reader"))
    powered(page, "laser")
    page.locator("#mains").click()
    unpowered(page, "laser")
    shows(station(page, "laser").locator(".colour"), "dark")
    shows(station(page, "laser").locator(".said"), "no power")
    page.locator("#mains").click()
    shows(station(page, "laser").locator(".said"), "free")
    shows(page.locator("#lines"), "take the badge away and present it again")
    unpowered(page, "laser")


def test_a_readers_cable_is_pulled_and_found_again(open_page):
    page = open_page()
    cable = station(page, "printer").locator(".cable")
    cable.click()
    shows(station(page, "printer").locator(".said"), "reader lost")
    shows(cable, "Plug the reader in")
    cable.click()
    shows(page.locator("#lines li").first, "reader found again")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_whatever_ends_the_workbench_ends_board_guard_and_daemon(number, short_folder):
    process, _address = start({"TMPDIR": str(short_folder)})

    def left():
        found = []
        for each in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                found += [each] * (f"LOQUET_BOARD={short_folder}".encode() in each.read_bytes())
        return found

    assert len(left()) == 3
    process.send_signal(number)
    try:
        process.wait(60)
    finally:  # one that hangs is no other test's
        process.kill()
        process.stdout.close()
    until(lambda: not left(), "their end")
    assert number is signal.SIGKILL or not list(short_folder.iterdir())  # the folder is deleted by whoever still can


def test_a_wallet_ends_a_tap_session_without_three_complaints(open_page, workbench):
    page = open_page()
    for _ in range(2):
        thing(page, "wallet").drag_to(station(page, "printer").locator(".reader"))
        shows(station(page, "printer").locator(".sensed"), "sensed: 3")
        act_on(workbench, "take", thing="wallet")
        shows(station(page, "printer").locator(".sensed"), "sensed: 0")
    unpowered(page, "printer")
    shows(page.locator("#lines li").first, "ended by badge")


def test_no_other_page_can_act_here(workbench):
    assert act_on(workbench, "kill", kind="text/plain")[0] == 415  # what a form of another page may send
    assert act_on(workbench, "kill", host="evil.example")[0] == 400
    page = urllib.request.urlopen(workbench, timeout=30)
    with page:
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("what", "places"),
    [
        ("lay", {"thing": "marie", "machine": "kiln"}),
        ("lay", {"thing": "crown", "machine": "laser"}),
        ("lay", {}),
        ("explode", {}),
        ("__init__", {}),
        ("lay", {"what": "kill", "self": "x"}),
        ("press", {"machine": "laser", "name": "x"}),
        ("press", {"machine": "printer", "name": "current"}),
        ("switch", {"machine": "laser", "name": "x", "on": "yes"}),
        ("amount", {"machine": "printer", "name": "current", "amount": "11"}),
        ("amount", {"machine": "printer", "name": "current", "amount": "nan"}),
        ("amount", {"machine": "printer", "name": "lid", "amount": "1"}),
    ],
)
def test_an_act_that_makes_no_sense_is_refused_by_name(workbench, what, places):
    status, said = act_on(workbench, what, **places)
    assert status == 409
    assert re.search(r"error", said)


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"thing": 3}', b"\xff", b"[" * 10_000])
def test_bytes_that_are_no_act_are_refused(workbench, raw):
    assert act_on(workbench, "lay", raw=raw)[0] == 400
