"""Django's word for this app."""

from django.apps import AppConfig


class Accounts(AppConfig):
    """Who logs in, and what each may do."""

    name = "server.accounts"
