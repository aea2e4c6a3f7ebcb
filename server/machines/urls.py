"""Which path is which page of the machines."""

from django.urls import path

from server.machines.views import cards, machine

urlpatterns = [
    path("machines", cards.machines),
    path("machines-cards", cards.to_print),
    path("machines/<str:which>", machine.machine),
]
