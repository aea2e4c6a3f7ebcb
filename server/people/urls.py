"""Which path is which page of members, badges and imports."""

from django.urls import path

from server.people.views import badges, imports, members, organisations, sheet

urlpatterns = [
    path("members/new", members.new),
    path("members-sheet", sheet.sheet),
    path("members/options", members.options),
    path("members", members.member),
    path("members/<str:who>", members.member),
    path("organisations", organisations.organisations),
    path("me", members.me),
    path("badges", badges.badges),
    path("import", imports.imports),
    path("import/<str:token>", imports.preview),
]
