"""Django's word for this app."""

from django.apps import AppConfig


class Mail(AppConfig):
    """Letters that are to go out, and those that did."""

    name = "server.mail"
