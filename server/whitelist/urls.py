"""Which path is which page of the whitelist."""

from django.urls import path

from server.whitelist.views import certifying, explain, grid

urlpatterns = [
    path("whitelist", grid.whitelist),
    path("whitelist/class", certifying.class_),
    path("whitelist/cell", certifying.cell),
    path("whitelist/cell/<str:member>/<str:training>", certifying.cell),
    path("explain", explain.why),
]
