"""Which path is which page of the accounts."""

from django.urls import path

from server.accounts import themes
from server.accounts.single_sign_on import views as single_sign_on
from server.accounts.views import door, invitation, own

urlpatterns = [
    path("login", door.log_in),
    path("logout", door.log_out),
    path("second", door.second),
    path("account", own.mine),
    path("language", door.speak),
    path("theme", themes.choose),
    path("first/<str:word>", door.begin),
    path("invitation", invitation.invitation),
    path("invitation/at-provider", single_sign_on.begin),
    path("invitation/<str:word>", invitation.opened),
    path("oidc/begin", single_sign_on.begin),
    path("oidc/callback", single_sign_on.callback, name="oidc_authentication_callback"),
    path("oidc/left", single_sign_on.left),
]
