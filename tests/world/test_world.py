"""Fifty days of workshops at random: whatever fails, what always holds does; `make soak` lives as many as wanted."""

import pytest
from world import World


@pytest.mark.parametrize("part", range(5))
def test_days_of_a_workshop_in_which_everything_fails_now_and_then(part, rng):
    with World(rng.randrange(2**32) + part) as world:
        try:
            world.live(10)
        except BaseException:
            print("the last acts:", ", ".join(world.happened[-25:]))
            raise
