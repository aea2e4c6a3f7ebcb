"""Which path is which app's."""

from __future__ import annotations

from django.urls import include, path

APPS = (
    "accounts",
    "inbox",
    "mail",
    "edits",
    "sites",
    "people",
    "whitelist",
    "imports",
    "reminders",
    "upkeep",
    "devices",
    "usage",
    "billing",
    "machines",
    "sticks",
    "own",
    "today",
    "search",
    "operations",
)

urlpatterns = [path("", include(f"server.{app}.urls")) for app in APPS]
handler404 = "server.core.views.not_found"
handler500 = "server.core.views.failed"
