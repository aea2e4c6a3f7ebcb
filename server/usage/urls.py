"""Which path is which page of usage."""

from django.urls import path

from server.usage import views

urlpatterns = [
    path("usage", views.usage),
    path("usage/sessions", views.sessions),
    path("usage/<int:number>", views.session),
    path("me/sessions", views.mine),
]
