"""Which path is which page of the controllers and machines."""

from django.urls import path

from server.devices.views import controllers, proposals, workshop

urlpatterns = [
    path("workshop", workshop.workshop),
    path("devices", controllers.overview),
    path("devices/<str:device>/settings", controllers.settings),
    path("proposals", proposals.decide),
]
