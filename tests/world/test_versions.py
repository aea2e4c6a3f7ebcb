"""Old and new programs meet: each end goes on beside the release before, and on what the one after it has written."""

import pytest
from programs import before, begin, go_on, works

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def release_before(tmp_path_factory):
    return before(tmp_path_factory.mktemp("before"))


def test_a_controller_of_the_release_before_goes_on_with_this_server(ends, release_before):
    if release_before is not None:
        begin(*ends, controller=release_before)
        works(*ends)


def test_the_release_before_starts_on_what_this_one_wrote_and_this_one_after_it(ends, release_before):
    if release_before is not None:
        begin(*ends)
        works(*ends)
        go_on(*ends, controller=release_before, server=release_before)
        works(*ends)
        go_on(*ends)
        works(*ends)
