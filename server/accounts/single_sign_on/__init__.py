"""Logging in by a provider of OpenID Connect, as far as mozilla-django-oidc leaves it to us: off until it is set."""
