"""Which path is which page of what is reported of machines."""

from django.urls import path

from server.upkeep import views

urlpatterns = [
    path("report", views.report),
    path("report/<str:which>", views.report),
]
