"""Machines as settings describe them, for the stories of sessions."""

from workshop import PLAIN

RUNNING = 'running = { driver = "gpio", pin = 5, does = "running" }'
STOP = 'emergency-stop = { driver = "gpio", pin = 6, does = "fault", normally_closed = true }'


def machine(extra="", inputs=(), outputs=()):
    """A station's settings: one line each, and tables of inputs and outputs."""
    lines = [PLAIN, extra]
    lines += [f"inputs = {{ {', '.join(inputs)} }}"] if inputs else []
    lines += [f"outputs = {{ {', '.join(outputs)} }}"] if outputs else []
    return "\n".join(lines)


TAP = 'mode = "tap"\nlongest = "4 h"'
EXTRACTOR = 'extractor = { driver = "gpio", pin = 27 }'
BEAM = 'beam = { driver = "gpio", pin = 22 }'
JOB = machine('mode = "job"\nlongest = "48 h"\nidle = "10 min"\ncoast_down = "60 s"', [RUNNING])
GROUP = 'class = { driver = "gpio", pin = 13, does = "group", organisation = "Collège Jean Moulin" }'
ORDER = 'order = { driver = "gpio", pin = 19, does = "purpose", purpose = "order" }'
LOCK = 'lock = { driver = "gpio", pin = 26, does = "lock" }'
LID = 'lid = { driver = "gpio", pin = 12, does = "open", output = "beam" }'
CHILLER = 'chiller = { driver = "gpio", pin = 16, does = "refuse", normally_closed = true }'


def excluded(w):
    w.replace("members", "marie", excluded=True)


def blocked_badge(w):
    import msgspec

    w.edit([msgspec.structs.replace(badge, blocked=True) for badge in w.badges.whitelist.badges_of("marie")])


def locked(w):
    w.replace("machines", "laser", locked="inventory")


RESUME = machine(TAP + '\nrestart = "resume"')
