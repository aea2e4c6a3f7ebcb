"""Which path is the page of letters."""

from django.urls import path

from server.mail import views

urlpatterns = [path("mail", views.letters)]
