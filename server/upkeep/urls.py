"""Which path is which page of what happens to machines."""

from django.urls import path

from server.upkeep import views

urlpatterns = [
    path("machines", views.machine),
    path("machines/<str:which>", views.machine),
    path("report", views.report),
    path("report/<str:which>", views.report),
]
