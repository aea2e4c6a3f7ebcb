"""A browser of Django's on the server's pages, and a small workshop to look at."""

import re

from django.test import Client

from protocol.rows import Badge, Certification, Level, Machine, Member, Training

PAGES = [
    "/today", "/refusals", "/members", "/whitelist", "/badges", "/machines", "/machines-cards", "/search", "/status",
    "/me/badge", "/me/data", "/design", "/devices", "/devices/stick", "/explain", "/import", "/usage", "/inbox",
    "/setup", "/history",
    "/site", "/duplicates", "/merge", "/organisations", "/mail", "/accounts", "/members/new", "/account", "/me",
    "/me/sessions", "/me/costs", "/prices", "/plans", "/balances", "/months", "/shares",
    "/usage/sessions", "/usage/sessions?undated=1", "/setup/traces",
]  # fmt: skip
# With one of everything.
MORE = [
    "/members/ann", "/members/bob", "/whitelist?q=ann&show=all", "/whitelist?training=laser&has=yes",
    "/whitelist/cell/ann/laser", "/explain?member=ann&machine=laser", "/explain?member=ann&machine=new",
    "/usage?month=2026-11", "/usage/1", "/usage?month=2026-11&machine=laser&member=ann", "/usage?month=2026-11&as=csv",
    "/merge?one=ann&other=bob",
    "/members/options?member=ann", "/devices/d-one/settings", "/machines/laser", "/report/laser", "/privacy",
    "/members?id=ann", "/whitelist?show=all&member=ann", "/whitelist/cell?id=ann&id=laser", "/machines?id=laser",
    "/report?id=laser", "/site?id=main", "/usage/sessions?member=ann&machine=laser", "/whitelist?to=end",
    "/whitelist?from=61", "/history?from=3", "/history?to=3", "/history?to=end", "/mail?from=1", "/mail?to=end",
    "/inbox?from=True~2026-11-20T12:30:15%2B00:00~3", "/inbox?done-from=2026-11-20T12:30:15%2B00:00~3",
    "/inbox?to=end&done-to=end", "/badges?all-from=61&spares-from=61", "/badges?all-to=end&spares-to=end",
    "/usage?month=2026-11&sessions-from=1795000002000~1", "/usage?month=2026-11&sessions-to=end", "/me/sessions?to=end",
    "/usage/sessions?sessions-from=1", "/setup/traces?from=2", "/setup/traces?to=end",
    "/members/ann?edits-from=3", "/members/ann?edits-to=end",
    "/machines/laser?waiting-from=9&mended-from=9&downs-from=9",
    "/machines/laser?waiting-to=end&mended-to=end&downs-to=end",
    "/prices?member=ann&machine=laser&minutes=47", "/balances/ann", "/months/2026-10", "/months/2026-10?as=csv",
    "/statements/2026-A-0001", "/statements/2026-A-0001?as=csv", "/balances?as=csv",
    "/shares?machine=laser&year=2026&as=csv",
    "/accounts/1", "/accounts?member=bob",
]  # fmt: skip
PASSWORD = "correct horse battery"


def client(role="administrator", member="", **headers):
    from server.accounts.models import Account

    account = Account(username=f"{role}-{member}", role=role, member=member)
    account.set_password(PASSWORD)
    account.save()
    browser = Client(secure=True, headers={"host": "localhost", "accept-language": "en", **headers})
    browser.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def fill():
    """A small workshop."""
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    rows = [
        Training("laser", "Laser"),
        Training("wood", "Wood"),
        Machine("laser", "Laser 1", ("laser",)),
        Machine("saw", "Saw", ("wood",)),
    ]
    for number in range(60):
        rows.append(Member(f"m{number:03d}", f"Member {number:03d}", "student" if number % 2 else ""))
        rows.append(Badge(f"{number:032x}", f"m{number:03d}"))
    rows += [Certification("m000", "laser", Level.TRAINER), Certification("m001", "laser")]
    carry_out(Author(name="test"), "demo", rows)


def do(browser, path, **fields):
    """Send a form as its page has it now."""
    fields.setdefault("version", version())
    return browser.post(path, fields, secure=True, headers={"origin": "https://localhost"})


def shown(browser, path, **headers):
    """What a page's forms carry without being asked: the hidden fields of the last one."""
    page = browser.get(path, headers=headers).content.decode()
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def version():
    from server.core import state

    return state.version()


def row(key):
    from server.edits import rows

    return rows.find([key]).get(key)
