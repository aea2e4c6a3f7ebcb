"""Django itself looks the server over, as it does before a deployment, and has nothing to say."""

import pytest


@pytest.fixture(autouse=True)
def _as_it_is_deployed(monkeypatch):
    """Without what tests with a browser ask Django for."""
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)


def test_djangos_checks_for_a_deployment_are_silent(sqlite):
    from django.core import checks

    found = checks.run_checks(include_deployment_checks=True)
    assert [each for each in found if not each.is_silenced()] == []


def test_the_control_what_is_silenced_is_two_things_with_a_reason(sqlite):
    from django.conf import settings
    from django.core import checks

    found = checks.run_checks(include_deployment_checks=True)
    assert {each.id for each in found} == set(settings.SILENCED_SYSTEM_CHECKS)
