"""Which path is which page of whoever keeps the server."""

from django.urls import path

from server.operations.views import accounts, design, home, privacy, setup, traces

urlpatterns = [
    path("", home.home),
    path("setup", setup.setup),
    path("setup/traces", traces.traces),
    path("accounts", accounts.accounts),
    path("accounts/<int:key>", accounts.account),
    path("privacy", privacy.privacy),
    path("design", design.design),
]
