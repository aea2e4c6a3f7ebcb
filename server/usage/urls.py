"""Which path is which page of usage."""

from django.urls import path

from server.usage.views import session, usage

urlpatterns = [
    path("usage", usage.usage),
    path("usage/sessions", usage.sessions),
    path("usage/<int:number>", session.session),
]
