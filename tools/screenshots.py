"""Take the README's pictures of the workbench and the pages: `make screenshots`. Looked at by people alone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent.parent / "docs/screenshots"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def play(page):
    """Marie works at the laser, Jean prints, and was refused at the laser."""
    for thing, machine in (("jean", "laser"), ("jean", "printer")):
        page.locator(f'.thing[data-thing="{thing}"] > .card').click()
        page.locator(f'.thing[data-thing="{thing}"] [data-lay="{machine}"]').click()
        page.locator(f'.station[data-machine="{machine}"] .lying .card').wait_for()
        page.wait_for_timeout(1500)
    page.locator('.thing[data-thing="marie"] > .card').click()
    page.locator('.thing[data-thing="marie"] [data-lay="laser"]').click()
    page.locator(".station.powered[data-machine=laser]").wait_for()
    page.mouse.move(5, 5)
    page.wait_for_timeout(3500)


def take_pages(browser, address):
    """Take the server's pages, as somebody sees them who is logged in."""
    for size, width, height, language, names in (
        ("desk", 1366, 900, "en", ("today", "machines", "usage", "whitelist", "members")),
        ("desk", 1366, 900, "fr", ("today", "whitelist")),
        ("phone", 390, 844, "fr", ("today", "machines")),
    ):
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=language, ignore_https_errors=True
        )
        page = context.new_page()
        page.goto(f"{address}login")
        page.locator("input[name=username]").fill("demo")
        page.locator("input[name=password]").fill("loquet-demo")
        page.locator("main button.btn-primary").click()
        page.wait_for_url(lambda url: "login" not in url)
        for name in names:
            page.goto(f"{address}{name}")
            page.wait_for_timeout(700)
            page.screenshot(path=FOLDER / f"server-{name}-{size}-{language}.png")
        context.close()


def main() -> int:
    """Take them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "controller", "demo", "--no-browser", "--port", "0"]
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        ) as process,
        sync_playwright() as playwright,
    ):
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("The workbench"):
                break
        address = re.search(r"The workbench: http(\S+)", said)[1]
        pages = re.search(r"https://\S+/", said)[0]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        first = True
        for size, width, height in (("desk", 1366, 900), ("phone", 390, 844)):
            for language in ("en", "fr"):
                context = browser.new_context(viewport={"width": width, "height": height}, locale=language)
                page = context.new_page()
                page.goto(f"http{address}")
                page.locator("#lines li").first.wait_for()
                if first:
                    play(page)
                    first = False
                page.wait_for_timeout(700)
                page.screenshot(path=FOLDER / f"workbench-{size}-{language}.png", full_page=size == "phone")
                context.close()
        take_pages(browser, pages)
        browser.close()
        process.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
