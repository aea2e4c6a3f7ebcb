"""Django's word for this room."""

from django.apps import AppConfig


class Server(AppConfig):
    """The central server."""

    name = "server"
    label = "server"
