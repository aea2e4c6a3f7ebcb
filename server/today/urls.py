"""Which path is which page of the day."""

from django.urls import path

from server.today import views

urlpatterns = [path("today", views.today), path("refusals", views.all_refusals)]
