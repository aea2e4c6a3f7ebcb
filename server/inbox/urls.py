"""Which path is which page of the inbox."""

from django.urls import path

from server.inbox import views

urlpatterns = [path("inbox", views.inbox)]
