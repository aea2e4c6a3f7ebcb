"""Ids of any letters, and what browsers and proxies do to an address on its way."""

import html
import re
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from hypothesis import strategies as st

AWKWARD = [
    "ADH#12", "a?b", "50%", "%41", "..", ".", "...", "new", "options", " x", "x ", "a  b", "é", "e\u0301", "🔑" * 64,
    "a&b=c", '"><script>', "+", "a+b", "\\", "a\\..\\b", ";", "a;b", "'", "{{ 7 * 7 }}", "id", "&amp;", "Ann (bob)",
    "(", ")", "a:b", "~", "-", "\u00a0", "\u200b", "\u2028", "\x7f", "None", "0", "c-a-b", "😀 #?&%", "ÀÉ", "=cmd",
    "%2e%2e", "@", ",", "*", "_%",
]  # fmt: skip
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="/", min_codepoint=0x20)
IDS = st.one_of(st.sampled_from(AWKWARD), st.text(LETTERS, min_size=1, max_size=64))


def as_a_browser_asks(address):
    """What a browser asks for where a link says that: no dots in the path, however they are written, no backslash."""
    parts = urlsplit(address)
    kept = []
    for step in parts.path.replace("\\", "/").split("/")[1:]:
        plain = re.sub("%2e", ".", step, flags=re.IGNORECASE)
        if plain == "..":
            kept[-1:] = []
        elif plain != ".":
            kept.append(step)
    return urlunsplit(("", "", "/" + "/".join(kept), parts.query, ""))


def as_a_proxy_passes(address):
    """What arrives behind a proxy that decodes a path and writes it anew, as some do."""
    parts = urlsplit(address)
    return urlunsplit(("", "", unquote(parts.path).partition("?")[0].partition("#")[0], parts.query, ""))


def travelled(address, at="/"):
    """The address at which the server hears of a link that stands on a page."""
    return as_a_proxy_passes(as_a_browser_asks(urljoin(f"https://localhost{at}", address)))


def link(page, around):
    """The first link of a page that a pattern finds, as whoever follows it has it."""
    found = re.search(around, page)
    assert found, around
    return html.unescape(found[1])
