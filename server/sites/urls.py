"""Which path is which page of the workshops."""

from django.urls import path

from server.sites import views

urlpatterns = [path("site", views.site), path("site-new", views.new), path("site/<str:which>", views.site)]
