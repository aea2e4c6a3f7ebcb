"""Write docs/states.md from the table in controller/station/: `make states`."""

import sys
from pathlib import Path

from controller import station
from controller.station import states
from controller.station.events import AnyEvent

PAGE = Path(__file__).parent.parent / "docs/states.md"

HEAD = """# States and events

What each state of a station does with each event. Made from the table `ROWS` in `controller/station/` by
`make states`; a test fails when the two differ. "–" is nothing at all. A name in CAPITALS is the next state.

| state | output | what it is |
|---|---|---|
"""
OUTPUT = {
    states.Running: "closed",
    states.Leaving: "closed",
    states.RunOn: "run-on only",
    states.Recovering: "as found",
}


def render():
    """Return the page's text."""
    kinds = list(station.ROWS)
    names = [state.__name__.lower() for state in kinds]
    lines = [
        f"| {name} | {OUTPUT.get(state, 'open')} | {(state.__doc__ or '').splitlines()[0]} |"
        for name, state in zip(names, kinds, strict=True)
    ]
    parts = [HEAD + "\n".join(lines) + "\n"]
    for state, name in zip(kinds, names, strict=True):
        answers = {event: " ".join(row.__doc__.split()) for event, row in station.ROWS[state].items()}
        rows = [
            f"| {event.__name__} | {event.__doc__.splitlines()[0]} | {answers[event]} |" for event in AnyEvent.__args__
        ]
        parts.append(f"## {name}\n\n| event | what happened | answer |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
