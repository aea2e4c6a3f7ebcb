"""Django's word for this app."""

from django.apps import AppConfig


class Search(AppConfig):
    """What is found by a few letters."""

    name = "server.search"
