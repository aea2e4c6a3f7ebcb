"""Which path is the page of searching."""

from django.urls import path

from server.search import views

urlpatterns = [path("search", views.search)]
