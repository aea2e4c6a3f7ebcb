"""Which path is which page of a member's own."""

from django.urls import path

from server.own.views import badge, costs, data, letters, me, minutes, status

urlpatterns = [
    path("me", me.mine),
    path("me/sessions", minutes.minutes),
    path("me/badge", badge.badge),
    path("me/costs", costs.costs),
    path("me/statements/<str:number>", costs.statement),
    path("me/data", data.data),
    path("status", status.status),
    path("login/link", letters.ask),
    path("login/link/<str:token>", letters.enter),
    path("members-invite", letters.invite),
]
