"""A server that has a mail server, a clock that is moved by hand, and what it wrote so far."""

import contextlib
import time
from datetime import UTC, date, datetime, timedelta

import msgspec

BEGIN = date(2026, 11, 2)  # a Monday


@contextlib.contextmanager
def reminding(*, contact="", hosts=("example.org",), certificate="files"):
    """Have mail go out and the time stand still at noon of a Monday."""
    from django.conf import settings

    from server.core import clock
    from server.core.configuration import Certificate, MailTable

    before = settings.LOQUET
    table = MailTable(host="127.0.0.1", sender="Loquet <loquet@example.org>")
    known = {"contact": contact, "hosts": list(hosts), "certificate": Certificate(certificate)}
    server = msgspec.structs.replace(before.server, **known)
    settings.LOQUET = msgspec.structs.replace(before, mail=table, server=server)
    world = World()
    clock.hand(world.seconds)
    try:
        yield world
    finally:
        clock.hand(time.time)
        settings.LOQUET = before


class World:
    def __init__(self):
        self.at = datetime(BEGIN.year, BEGIN.month, BEGIN.day, 11, tzinfo=UTC)
        self._seen = 0

    def seconds(self):
        return self.at.timestamp()

    @property
    def today(self):
        return self.at.date()

    def pass_days(self, count):
        self.at += timedelta(days=count)

    def plan(self, site="main", **said):
        from server.reminders.models import Plan

        fields = {"is_on": True, "digest": "never", **said}
        return Plan.objects.update_or_create(site_id=site, defaults=fields)[0]

    def member(self, name, until=None, *, email=None, letters=BEGIN, language="en", **more):
        """Enter a member, to whom letters may go; until: so many days from now."""
        from server.people.models import Member, Particulars

        email = f"{name}@example.org" if email is None else email
        Member.objects.create(id=name, name=name.capitalize(), until=self.day(until), **more)
        Particulars.objects.create(pk=name, email=email, letters=letters, language=language)

    def certify(self, member, training, until, name=None):
        from server.whitelist.models import Certification, Training

        Training.objects.get_or_create(id=training, defaults={"name": name or training.capitalize()})
        held = {"until": self.day(until)}
        Certification.objects.update_or_create(member=member, training=training, defaults=held)

    def prolong(self, member, until):
        from server.people.models import Member

        Member.objects.filter(pk=member).update(until=self.day(until))

    def day(self, days):
        return None if days is None else self.today + timedelta(days=days)

    def run(self):
        """Do all there is to do; return the letters that were written."""
        from server.mail.models import Letter
        from server.reminders import worker

        while worker.step():
            pass
        found = list(Letter.objects.filter(pk__gt=self._seen).order_by("pk"))
        self._seen = found[-1].pk if found else self._seen
        return found
