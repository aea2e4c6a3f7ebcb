"""Which path is which page of reminders."""

from django.urls import path

from server.reminders import views

urlpatterns = [
    path("site/<str:which>/reminders", views.save),
    path("unsubscribe/<str:token>", views.unsubscribe),
]
