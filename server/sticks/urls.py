"""Which path is which page of sticks."""

from django.urls import path

from server.sticks import views

urlpatterns = [
    path("devices/stick", views.by_stick),
    path("devices/<str:device>/stick", views.answer),
]
