"""Which path is which page of imports."""

from django.urls import path

from server.imports.views import draft, lists

urlpatterns = [
    path("import", lists.imports),
    path("import-template", lists.template),
    path("import-source", lists.source),
    path("import/<str:token>", draft.draft),
]
