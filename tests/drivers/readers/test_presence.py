"""What a watch tells of a reader that was lost and is found again."""

from drivers.contracts import Card, ReaderLostError, Sighting
from drivers.readers.presence import Found, Lost, Presented, Removed, Watch

CARD = Card(bytes.fromhex("04A3C6CAE26180"))
THERE, NOTHING = Sighting(frozenset({CARD})), Sighting()


class Reader:
    interval = 0.1

    def __init__(self, *looks):
        self.looks = list(looks)

    def open(self):
        return "chip"

    def look(self):
        look = self.looks.pop(0)
        if look is None:
            raise ReaderLostError("gone")
        return look

    def close(self):
        pass


def events(*looks):
    watch = Watch(Reader(*looks))
    return [event for _look in looks for event in watch.step()[0]]


def test_a_card_that_the_first_look_after_the_loss_misses_is_told_by_the_second_as_not_fresh():
    kinds = [type(event) for event in events(NOTHING, THERE, None, NOTHING, THERE)]
    assert kinds == [Found, Presented, Lost, Found, Presented]
    assert [event.fresh for event in events(NOTHING, THERE, None, NOTHING, THERE) if isinstance(event, Presented)] == [
        True,
        False,
    ]


def test_a_card_that_is_still_there_is_told_once():
    told = events(NOTHING, THERE, None, THERE, THERE, THERE)
    assert [event.fresh for event in told if isinstance(event, Presented)] == [True, False]


def test_a_card_that_was_taken_meanwhile_is_removed_and_fresh_when_it_comes_again():
    told = events(NOTHING, THERE, None, *[NOTHING] * 10, THERE)
    assert [type(event) for event in told] == [Found, Presented, Lost, Found, Removed, Presented]
    assert told[-1].fresh
