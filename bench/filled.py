"""What the server under load holds: members, machines, controllers, and the entries that they send."""

from __future__ import annotations

import json
from typing import Any, Final

MEMBERS: Final = 20_000
GRID_MEMBERS: Final = 2_000
GRID_TRAININGS: Final = 30


def fill(machines: int) -> None:
    """Enter 20,000 members with badges, thirty trainings of which each of 2,000 members has some, and machines."""
    from protocol.rows import Badge, Certification, Machine, Member, Training
    from server.accounts.models import Account
    from server.edits import editing
    from server.edits.authors import Author

    Account.objects.create(username="bench", role="administrator")
    author = Author(name="bench")
    rows: list[Any] = [Training(f"t{n}", f"Training {n}") for n in range(GRID_TRAININGS)]
    rows += [Machine(f"m{n}", f"Machine {n}", (f"t{n % GRID_TRAININGS}",)) for n in range(machines)]
    rows += [Member(f"p{n}", f"Person {n:05d}", until=None) for n in range(MEMBERS)]
    rows += [Badge(f"{n:032x}", f"p{n}") for n in range(MEMBERS)]
    rows += [Certification(f"p{n}", f"t{(n * 7 + k) % GRID_TRAININGS}") for n in range(GRID_MEMBERS) for k in range(3)]
    rows += [Certification("p0", f"t{n}") for n in range(GRID_TRAININGS)]
    editing.carry_out(author, "demo", rows)


def take_in(count: int) -> list[tuple[str, Any]]:
    """Take controllers in; return their ids and keys."""
    from protocol.signing import SigningKey
    from server.devices.models import Device
    from server.edits import editing
    from server.whitelist.models import Machine

    keys = [SigningKey() for _ in range(count)]
    Device.objects.bulk_create(
        Device(id=f"d{n}", name=f"Device {n}", key=key.public.text, sealing=key.public.text)
        for n, key in enumerate(keys)
    )
    machines = list(Machine.objects.all())
    for machine in machines:
        machine.device_id = f"d{machine.pk[1:]}"
    Machine.objects.bulk_update(machines, ["device"], batch_size=200)
    editing.touch()
    return [(f"d{n}", key) for n, key in enumerate(keys)]


def batch(epoch: str, first: int, count: int, machine: str) -> bytes:
    """Return a batch of refusals, as the API takes one."""
    from protocol import messages

    said = {"type": "refused", "machine": machine, "reason": "training_missing", "member": "p17"}
    body = json.dumps(said | {"badge": "a" * 32, "wants": ["t3"]}, separators=(",", ":"))
    line = '{"seq":%d,"boot":"5f0e7f3e-9a52-4c79-a7d2-5ae2f66b1d0a","at":%d,"entry":%s}'
    head = messages.encode(messages.Batch(epoch, first - 1, first + count - 1))
    return b"\n".join([head, *((line % (seq, seq * 1000, body)).encode() for seq in range(first, first + count))])
