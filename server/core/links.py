"""Links to the pages of what has an id. An id is any text, and not every text survives in a path."""

from __future__ import annotations

import re
from functools import cache
from typing import Final
from urllib.parse import quote, urlencode

from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, get_resolver

FIELD: Final = "id"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def link_to(page: str, *ids: str, **asked: str) -> str:
    """Return the address of the page of what has these ids, with what is asked of it; what is empty asks nothing.

    Plain ids stand in its path. Others stand in its query: of a path browsers take "." and ".." away and proxies decode
    what is encoded, and another page may be called as the id is ("new"); a query is left as it is.
    """
    path, query = "/".join([page, *ids]), [each for each in asked.items() if each[1]]
    if not all(_PLAIN.fullmatch(each) for each in ids) or (ids and path in _pages()):
        path, query = page, [*((FIELD, each) for each in ids), *query]
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path


def ids_of(request: HttpRequest, *in_path: str) -> list[str]:
    """Return the ids that a link names: those of its path, or as many of its query, "" for each that is not said."""
    if all(in_path):
        return list(in_path)
    said = request.GET.getlist(FIELD)[: len(in_path)]
    return said + [""] * (len(in_path) - len(said))


@cache
def _pages() -> frozenset[str]:
    """Return the paths of all pages that are of no id."""
    return frozenset(path for path in _paths(get_resolver().url_patterns, "/") if "<" not in path)


def _paths(patterns: list[URLPattern | URLResolver], before: str) -> list[str]:
    found = []
    for each in patterns:
        path = before + str(each.pattern)
        found += _paths(each.url_patterns, path) if isinstance(each, URLResolver) else [path]
    return found
