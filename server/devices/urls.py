"""Which path is which page of the controllers."""

from django.urls import path

from server.devices.views import controllers, proposals

urlpatterns = [
    path("devices", controllers.overview),
    path("devices/<str:device>/settings", controllers.settings),
    path("proposals", proposals.decide),
]
