"""A workshop's life at random, through the shipped loop, writer and journal: what must hold at every step."""

import os

from hypothesis import settings
from life import Life, live

EXAMPLES = int(os.environ.get("LIVES", "40"))
Life.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=40)
TestLife = Life.TestCase


def test_the_life_of_one_seed(rng):
    """A long life of one workshop, from a seed that is printed."""
    live(rng.randrange(2**32), steps=300)
