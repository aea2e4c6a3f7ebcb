"""Which path is which page of what happens to machines."""

from django.urls import path

from server.upkeep import views

urlpatterns = [path("machines/<str:which>", views.machine), path("report/<str:which>", views.report)]
