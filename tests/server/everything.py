"""One of everything that a server can hold, so that nothing is left out of a backup, and no page meets a thing anew."""

from datetime import UTC, date, datetime

from django.apps import apps
from django.db.models import F

NOW = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)
MS = 1_795_000_000_000


def one_of_everything():
    """Fill a server's database: a lived-in workshop, and a row at the least in every table."""
    from axes.models import AccessAttempt, AccessAttemptExpiration, AccessFailureLog, AccessLog
    from django.contrib.auth.models import Group, Permission
    from django.contrib.sessions.models import Session as BrowserSession
    from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from protocol.rows import (
        Badge,
        Certification,
        ForcedEnd,
        Hours,
        Level,
        Machine,
        Member,
        Meter,
        Pin,
        Price,
        Subscription,
        Training,
    )  # fmt: skip
    from server.accounts.models import Account, AuditRecord, Identity, Invitation
    from server.billing import ledger
    from server.billing import models as billing
    from server.core import state
    from server.core.models import SentForm
    from server.devices.models import Device, EnrolCode, GivenName, Proposal
    from server.edits.authors import Author
    from server.edits.editing import carry_out, undo
    from server.imports.models import Draft, Filled, Remembered, Source
    from server.inbox import notices
    from server.inbox.models import Notice
    from server.journal.models import ClockReading, Entry, Gap, Stream
    from server.machines.models import Done, Listener, Task
    from server.mail.models import Letter
    from server.people.models import BadgeNote, MergedMember, NotTheSame, Organisation, Particulars, UnknownBadge
    from server.reminders.models import Digest, Plan, Reminder
    from server.upkeep.models import Defect, Downtime
    from server.usage.models import Circumstance, Correction, Forgotten, Refusal, Session
    from server.whitelist import models
    from server.whitelist.models import Sheet

    carry_out(
        Author(name="test"),
        "demo",
        [
            Training("laser", "Laser"),
            Training("wood", "Wood"),
            Machine("laser", "Laser 1", ("laser",), "mirror"),
            Machine("saw", "Saw", ()),
            Machine("new", "New"),
            Member("ann", "Ann Fox", "student", "school", date(2027, 1, 1)),
            Member("bob", "Bob Roe", excluded=True),
            Badge("a" * 32, "ann"),
            Badge("b" * 32, "bob", blocked=True),
            Pin("ann", "d" * 32, "e" * 16, "f" * 64),
            Certification("ann", "laser", Level.TRAINER, date(2026, 1, 1), date(2027, 1, 1)),
            Hours("student", ((480, 1080),)),
            ForcedEnd("laser", "bob", by="test"),
            Price(Meter.POWERED, "laser", cents=1200, step=60, least=100, vat=2000, account="706"),
            Price(Meter.POWERED, category="student", plan="resident", since=date(2026, 1, 1), off=25),
            Subscription("ann", "resident", date(2026, 1, 1)),
        ],
    )
    SentForm.objects.create(word="abcdefghijklmnop", at=NOW, location="/members/ann")
    Letter.objects.create(to="ann@example.org", subject="Hello", body="You.", sent=NOW, due=None, tries=2, error="busy")
    Organisation.objects.create(id="firm", name="A firm")
    Particulars.objects.create(
        pk="ann",
        birth_year=2010,
        commune="Die",
        guardian=date(2026, 1, 2),
        insurance=date(2027, 1, 1),
        letters=date(2026, 1, 2),
        email="ann@example.org",
        language="fr",
    )
    models.Condition.objects.create(training="wood", what="insurance")
    Defect.objects.create(machine="laser", place="page", reported=MS, note="squeaks", by="Zoé", came=NOW)
    Defect.objects.create(machine="laser", place="machine", device="d-one", boot="boot", at=9, note="", member="ann",
                          came=NOW, done=NOW, done_by="owner", done_note="oiled")  # fmt: skip
    Downtime.objects.create(machine="laser", device="d-one", what="fault", why="door", boot="boot", at=9, began=MS)
    Downtime.objects.create(machine="laser", device="d-one", what="lock", why="mirror", boot="boot", at=9, began=MS,
                            end_boot="boot", end_at=99_000, ended=MS + 98_991, over=True, by="ann")  # fmt: skip
    account = Account(username="owner", role="administrator", language="fr", last_login=NOW)
    account.set_password("correct horse battery")
    account.save()
    Invitation.objects.create(account=account, digest="0" * 64, email="owner@example.org", made=NOW)
    Identity.objects.create(account=account, issuer="https://login.example.org", subject="1", linked=NOW)
    edit = carry_out(Author(account=account, name="owner"), "member_changed", [Member("bob", "Bob R.", excluded=True)])
    undo(Author(account=account, name="owner"), edit)
    old = Device.objects.create(id="d-old", name="Old", key="k" * 43, sealing="s" * 43, retired=True)
    device = Device.objects.create(
        id="d-one", name="Cabinet", key="l" * 43, sealing="t" * 43, seen=NOW, settings="[controller]\n",
        holds=1, sent=1,
        report={"version": "0.1", "backlog": 3, "free": 10_000_000, "clock": "kept", "storage": "ok"},
    )  # fmt: skip
    Device.objects.filter(pk="d-old").update(replaced_by=device)
    models.Machine.objects.filter(pk__in=["laser", "new"]).update(device=device)
    models.Machine.objects.filter(pk="laser").update(
        state={"machine": "laser", "state": "running", "member": "ann", "session": "s1", "powered_s": 600}
    )
    Plan.objects.create(site_id="main", is_on=True, spans=[30, 7], since=date(2026, 11, 2))
    Reminder.objects.create(member="ann", end=date(2027, 1, 1), span=30)
    Digest.objects.create(account=account, day=date(2026, 11, 16), letter=Letter.objects.first())
    EnrolCode.objects.create(code="ABCD", secret="ABCDEFGH", expires=NOW, replaces=old, used_by=device)
    Proposal.objects.create(device=device, key="member/new-1", row='{"type":"member","id":"new-1"}', seq=4)
    stream = Stream.objects.create(device=device, epoch="e" * 16, acknowledged_seq=4, processed_seq=4)
    for seq, body in enumerate(
        (
            f'{{"type":"clock","offset":{MS},"quality":"synchronised"}}',
            f'{{"type":"granted","session":"s1","machine":"laser","member":"ann","badge":"{"a" * 32}","level":3}}',
            '{"type":"ended","session":"s1","machine":"laser","why":"idle","powered":60000,"busy":30000}',
            f'{{"type":"refused","machine":"laser","reason":"unknown_badge","badge":"{"c" * 32}"}}',
        ),
        1,
    ):
        Entry.objects.create(stream=stream, seq=seq, boot="boot", at=seq * 1000, came=MS, body=body)
    Gap.objects.create(stream=stream, first=5, last=9)
    ClockReading.objects.create(device=device, boot="boot", at=1000, offset=MS, quality="synchronised")
    Session.objects.create(
        device=device, session="s1", machine="laser", member="ann", said="ann", badge="a" * 32, level=3, boot="boot",
        began=2000, started=MS + 2000, quality="synchronised", ended=True, powered=60_000, busy=30_000, meter=12.5,
        energy=40,
        why="idle", purpose="order", category="student", payer="school", people=3, organisation="School",
        corrected_by="owner",
    )  # fmt: skip
    Filled.objects.create(edit=edit, values={"ann": {"email": "ann@example.org", "commune": "Die"}})
    UnknownBadge.objects.create(hash="c" * 32, machine="laser", at=datetime.now(UTC))
    AuditRecord.objects.create(account="owner", what="looked_usage", about="month=2026-11")
    for what in notices.SENTENCES:
        notices.notify(
            what, device, by="Ann", keys="member/ann", member="ann", machine="laser", count=1, why="x", cause="y"
        )
    Notice.objects.filter(what="gap").update(done=NOW, done_by="owner")
    Notice.objects.update(last=F("at"))
    state.put(state.LEFT, NOW.isoformat())
    state.put(state.MADE, NOW.isoformat())
    GivenName.objects.create(device=device, member="new-1", name="Zoe")
    Draft.objects.create(token="draft", account=account, name="m.csv", tables=b"", rows=b"", of=0, version=1)
    Source.objects.create(site_id="main", place="https://example.org/list.csv", whole=True, read=NOW, digest="f" * 32)
    Remembered.objects.create(headings="a" * 32, columns={"nom": "name"}, trainings={"12": "laser"})
    TOTPDevice.objects.create(user=account, name="phone", key="0" * 40, confirmed=True)
    static = StaticDevice.objects.create(user=account, name="paper")
    StaticToken.objects.create(device=static, token="t0ken")
    Correction.objects.create(device=device, session="s1", by="ann", note="left lying", powered=60_000, people=2)
    Forgotten.objects.create(member="gone")
    Refusal.objects.create(
        device=device, machine="laser", member="bob", badge="b" * 32, reason="training_missing", wants=["laser"],
        boot="boot", began=9, at=MS, came=NOW,
    )  # fmt: skip
    BadgeNote.objects.create(hash="a" * 32, label="blue card", technology="iso14443a")
    Sheet.objects.create(machine="laser", drawing="laser")
    Task.objects.create(machine="laser", what="clean the lenses", hours=40, from_day=NOW.date())
    Done.objects.create(machine="laser", what="clean the lenses", at=NOW, by="owner", counter=12, note="with alcohol")
    Listener.objects.create(machine="laser", account=account)
    MergedMember.objects.create(gone="ann-2", kept="ann", by="owner", edit=edit)
    NotTheSame.objects.create(one="ann", other="bob", by="owner")
    Circumstance.objects.create(device=device, session="s1")
    billing.Plan.objects.create(id="resident", name="Resident", fee=4_000, included=36_000, machines=["laser"])
    frozen = billing.Statement.objects.create(
        number="2026-A-0001", series="A", count=1, month="2026-10", payer="ann", name="Ann Fox", address="1 rue Haute",
        reference="PO 7", lines=[{"id": 1, "cents": -940}], total=-940, balance=-940, digest="e" * 64, made=NOW,
    )  # fmt: skip
    billing.Closing.objects.create(month="2026-10", at=NOW, by="owner", digest="f" * 64, left_out=[])
    billing.Series.objects.create(name="A", generation="1", after="")
    billing.Balance.objects.create(account="payer/ann", unit="EUR", amount=-940)
    billing.Address.objects.create(payer="ann", name="Ann Fox", text="1 rue Haute", reference="PO 7")
    billing.Share.objects.create(machine="laser", holder="ann", weight=1, since=NOW.date())
    billing.Share.objects.create(machine="laser", holder="school", weight=3, since=NOW.date(), is_rest=True)
    ledger.pay("ann", 1_000, "R-1", NOW.date(), "owner")
    billing.Transfer.objects.filter(payer="ann").update(statement=frozen, at=NOW)
    BrowserSession.objects.create(session_key="k" * 32, session_data="", expire_date=NOW)
    attempt = AccessAttempt.objects.create(username="x", ip_address="127.0.0.1", failures_since_start=1)
    AccessAttemptExpiration.objects.create(access_attempt=attempt, expires_at=NOW)
    AccessFailureLog.objects.create(username="x", ip_address="127.0.0.1")
    AccessLog.objects.create(username="x", ip_address="127.0.0.1")
    Group.objects.create(name="nobody").permissions.set(Permission.objects.all()[:1])
    empty = [each._meta.label for each in every_model() if not each._default_manager.exists()]
    assert not empty, f"one of each of these is missing here: {empty}"


def every_model():
    return apps.get_models(include_auto_created=True)


def every_row():
    """Give all that is in every table, by table."""
    found = {}
    for model in every_model():
        names = [field.attname for field in model._meta.concrete_fields]
        rows = model._default_manager.order_by("pk").values_list(*names)
        found[model._meta.label] = {str(row[names.index(model._meta.pk.attname)]): tuple(row) for row in rows}
    return found
