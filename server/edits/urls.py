"""Which path is which page of the history."""

from django.urls import path

from server.edits import views

urlpatterns = [
    path("history", views.history),
    path("history/<int:number>/undo", views.undo),
]
