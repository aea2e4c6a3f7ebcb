"""A real browser before a real server, and the first account in it."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
ON_SQLITE = pytest.mark.parametrize("central", ["sqlite"], indirect=True)  # a browser sees no difference
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
def browse(chromium, central):
    """Open a browser of somebody's own; whatever a script complains of fails the test."""
    opened = []

    def act(size="desk", language="en", theme="light"):
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            locale=language,
            color_scheme=theme,
            ignore_https_errors=True,
            base_url=f"https://{central.address}",
        )
        page = context.new_page()
        page.set_default_timeout(30_000)
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
    """Make the first account, anne's, by the link that the server printed."""
    from browsing import PASSWORD
    from central import configuration

    from server.accounts import first_visit

    page.goto(f"/first/{first_visit.link(configuration).rpartition('/')[2]}")
    page.locator("input[name=username]").fill("anne")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("main button.btn-primary").click()
    page.wait_for_url("**/setup")
