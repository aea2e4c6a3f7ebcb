"""Which members may be one person, by what is known of them: pure, and in seconds for twenty thousand."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final, NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from common.folding import fold

LEAST: Final = 5  # letters of a name of which one may be mistyped
ALIKE: Final = 88  # of 100, by rapidfuzz
GROUP: Final = 20  # of one name or address; more are no two of one person
BLOCK: Final = 60  # of one birth year and word
MOST: Final = 2_000  # pairs; whoever has more of them has another problem
WEIGHTS: Final = {"name": 4, "order": 3, "email": 3, "letter": 2, "alike": 2}  # by what two are alike
OTHER_YEAR: Final = 3  # by which two of one name count less who were born in different years
_WORD: Final = re.compile(r"[^\W_]+")


class Person(NamedTuple):
    """What is known of a member; "" and None where nobody said."""

    id: str
    name: str
    birth_year: int | None = None
    commune: str = ""
    email: str = ""


class Pair(NamedTuple):
    """Two members, the smaller id first, and by what they are alike: words of WEIGHTS."""

    one: str
    other: str
    alike: tuple[str, ...]


def likely(people: Iterable[Person]) -> list[Pair]:
    """Return who may be one person, the likeliest first."""
    known = {each.id: each for each in people}
    words = {each.id: tuple(_WORD.findall(fold(each.name))) for each in known.values()}
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind, one, other in _alike(known, words):
        if one != other and not (kind in {"letter", "alike"} and _differs(known[one], known[other])):
            found[(one, other) if one < other else (other, one)].add(kind)
    pairs = [Pair(*two, tuple(kind for kind in WEIGHTS if kind in kinds)) for two, kinds in found.items()]
    return sorted(pairs, key=lambda each: (-_weight(each, known), words[each.one], each))[:MOST]


def _weight(pair: Pair, known: dict[str, Person]) -> int:
    less = OTHER_YEAR if _differs(known[pair.one], known[pair.other]) else 0
    return sum(WEIGHTS[kind] for kind in pair.alike) - less


def _differs(one: Person, other: Person) -> bool:
    """Return whether two were born in different years: one letter apart, they are brother and sister."""
    return None not in {one.birth_year, other.birth_year} and one.birth_year != other.birth_year


def _alike(known: dict[str, Person], words: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str, str]]:
    by_words: dict[tuple[str, ...], list[str]] = defaultdict(list)
    by_email: dict[str, list[str]] = defaultdict(list)
    for each in known.values():
        if words[each.id]:
            by_words[tuple(sorted(words[each.id]))].append(each.id)
        if each.email:
            by_email[each.email.casefold()].append(each.id)
    for mine in by_words.values():
        for one, other in combinations(mine[:GROUP], 2):
            yield "name" if words[one] == words[other] else "order", one, other
    for mine in by_email.values():
        yield from (("email", one, other) for one, other in combinations(mine[:GROUP], 2))
    by_text: dict[str, list[str]] = defaultdict(list)
    for ordered, mine in by_words.items():
        for text in {" ".join(ordered), *(" ".join(words[each]) for each in mine)}:
            by_text[text] += mine[:GROUP]
    for first, second in one_letter_apart(by_text):
        yield from (("letter", one, other) for one in by_text[first] for other in by_text[second])
    yield from _of_one_year(known, words)


def one_letter_apart(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Return every two texts of which one is the other with a letter more, another one, or two swapped.

    Two of one length that are so share what is left when a letter is left out; so is one with a letter more.
    """
    by_length: dict[int, list[str]] = defaultdict(list)
    for text in set(texts):
        if len(text) >= LEAST:
            by_length[len(text)].append(text)
    for length, mine in sorted(by_length.items()):
        shorter = set(by_length.get(length - 1, ()))
        sharing: dict[str, list[str]] = defaultdict(list)
        for text in mine:
            for left in {text[:at] + text[at + 1 :] for at in range(length)}:
                sharing[left].append(text)
                if left in shorter:
                    yield left, text
        seen = set()
        for group in sharing.values():
            for one, other in combinations(group, 2):
                pair = (one, other) if one < other else (other, one)
                if pair not in seen and OSA.distance(*pair, score_cutoff=1) == 1:
                    seen.add(pair)
                    yield pair


def _of_one_year(known: dict[str, Person], words: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str, str]]:
    """Find those who were born in one year, share a word of their names, and whose names are alike: Jean-Paul, Jean."""
    blocks: dict[tuple[int, str], list[str]] = defaultdict(list)
    for each in known.values():
        for word in set(words[each.id]) if each.birth_year else ():
            blocks[each.birth_year or 0, word].append(each.id)
    for block in blocks.values():
        if len(block) > BLOCK:
            continue
        for one, other in combinations(block, 2):
            mine, theirs = words[one], words[other]
            if sorted(mine) != sorted(theirs) and _are_alike(mine, theirs):
                yield "alike", one, other


def _are_alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether two names are: two words of one are all in the other, or few letters differ."""
    shared = len(set(one) & set(other))
    if shared > 1 and shared >= min(len(one), len(other)):
        return True
    return fuzz.token_sort_ratio(" ".join(one), " ".join(other)) >= ALIKE
