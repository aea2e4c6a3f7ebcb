"""A workshop whose sessions cost something: its controllers' journals, on a clock that a test moves."""

from datetime import UTC, date, datetime

from books import Books

from protocol import price
from protocol.entries import Clock, Ended, Ending, Granted
from protocol.moment import Quality
from protocol.price import Applied
from protocol.rows import Level, Meter, Price

LASER = Price(Meter.POWERED, machine="laser-a", cents=1200)


def ms(day, hour=12):
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp() * 1000)


class Billed(Books):
    """Sends sessions as the latch writes them."""

    def __init__(self, day=date(2026, 11, 5)):
        from protocol.rows import Member
        from server.core import clock
        from server.edits.authors import Author
        from server.edits.editing import carry_out

        self.now = ms(day) / 1000
        clock.hand(lambda: self.now)
        super().__init__()
        people = ("ann", "bob", "eve")
        carry_out(Author(name="test"), "demo", [Member(who, who.title()) for who in people])
        self.at = 0
        for device in self.devices:
            self.send(device, (0, Clock(ms(day), Quality.SYNCHRONISED)))
            device.seen = clock.now()
            device.save()
        self.base = ms(day)

    def on(self, day, hour=12):
        """Have it be another day."""
        self.now = ms(day, hour) / 1000

    def use(
        self, name, who="ann", seconds=2_820, *, device=0, prices=(LASER,), meter=None, busy=None, ended=None, **said
    ):
        """A session that ends now, or on a day, billed by the latch."""
        device = self.devices[device]
        machine = f"laser-{device.pk}"
        applied = Applied(tuple(prices))
        end = (int(self.now * 1000) if ended is None else ms(ended)) - self.base
        used = price.used(seconds * 1000, None if busy is None else busy * 1000, meter)
        known = {"lines": price.price(applied.prices, used)} | {
            k: said.pop(k) for k in list(said) if k in {"lines", "why"}
        }
        grant = {"applied": price.written(applied), "meter": None if meter is None else 0.0} | said
        entries = [
            (max(0, end - seconds * 1000), Granted(name, machine, who, "b" * 32, Level.USER, **grant)),
            (end, Ended(name, machine, known.pop("why", Ending.BADGE_TAPPED), seconds * 1000, who,
                        busy=None if busy is None else busy * 1000, meter=meter, **known)),
        ]  # fmt: skip
        self.send(device, *entries)

    def seen(self):
        """Have every controller be heard of now."""
        from server.core import clock
        from server.devices.models import Device

        Device.objects.update(seen=clock.now())

    def close_month(self, month, **how):
        from server.billing import closing

        year, number = map(int, month.split("-"))
        self.on(date(year + number // 12, number % 12 + 1, 1), 6)
        self.seen()
        return closing.close(month, "test", **how)


def posted():
    """Every transfer: what, month, and what its payer got."""
    from server.billing.models import Transfer

    found = []
    for each in Transfer.objects.order_by("pk"):
        mine = each.postings.filter(account=f"payer/{each.payer}")
        found.append((each.what, each.month, sum(leg.amount for leg in mine)))
    return found
