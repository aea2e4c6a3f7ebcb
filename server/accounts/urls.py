"""Which path is which page of the accounts."""

from django.urls import path

from server.accounts import views

urlpatterns = [
    path("login", views.log_in),
    path("logout", views.log_out),
    path("second", views.second),
    path("account", views.mine),
    path("language", views.speak),
    path("first/<str:word>", views.begin),
]
