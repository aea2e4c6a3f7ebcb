"""Which path is which page of whoever keeps the server."""

from django.urls import path

from server.operations.views import home, privacy, setup, traces

urlpatterns = [
    path("", home.home),
    path("setup", setup.setup),
    path("setup/traces", traces.traces),
    path("privacy", privacy.privacy),
]
