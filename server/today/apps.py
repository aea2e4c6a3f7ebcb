"""Django's word for this app."""

from django.apps import AppConfig


class Today(AppConfig):
    """The page on which a day begins."""

    name = "server.today"
