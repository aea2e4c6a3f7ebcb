"""Which path is which page of members and badges."""

from django.urls import path

from server.people.views import badges, everybody, members, merging, organisations, sheet

urlpatterns = [
    path("members/new", members.new),
    path("members-sheet", sheet.sheet),
    path("members/options", members.options),
    path("members", everybody.everybody),
    path("members/<str:who>", members.member),
    path("organisations", organisations.organisations),
    path("merge", merging.merging),
    path("separate", merging.separating),
    path("duplicates", merging.duplicates),
    path("badges", badges.badges),
]
