"""Prices and plans, the ledger, and what was closed. In cents and seconds; nothing that is posted is changed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from server.core import clock


class Price(models.Model):
    """A price, as controllers are sent it. name: the row's own key; the rest as `protocol.rows.Price` has it."""

    name = models.CharField(primary_key=True, max_length=400)
    per = models.CharField(max_length=10)
    machine = models.CharField(max_length=64, blank=True)
    category = models.CharField(max_length=200, blank=True)
    plan = models.CharField(max_length=64, blank=True)
    since = models.DateField(null=True, blank=True)
    cents = models.IntegerField(null=True, blank=True)
    step = models.IntegerField(default=1)
    least = models.IntegerField(default=0)
    most = models.IntegerField(null=True, blank=True)
    off = models.SmallIntegerField(default=0)
    vat = models.SmallIntegerField(default=0)
    net = models.BooleanField(default=False)
    account = models.CharField(max_length=20, blank=True)


class Subscription(models.Model):
    """A member has a plan, from one day to another, both included."""

    member = models.CharField(max_length=64, db_index=True)
    plan = models.CharField(max_length=64)
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True, db_index=True)

    class Meta:
        """One of each plan."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["member", "plan"], name="one_subscription")]


class Plan(models.Model):
    """What members subscribe to. fee: cents a month, or a year; pro_rata: a month that is not whole costs its days.

    included: seconds a month on `machines` (ids; none: on any). ahead: how many days ahead one books; owed: seconds of
    hours given that it asks for in a month. What it takes off is in the prices that name it.
    """

    id = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    fee = models.IntegerField(default=0)
    yearly = models.BooleanField(default=False)
    pro_rata = models.BooleanField(default=True)
    included = models.IntegerField(default=0)
    machines = models.JSONField(default=list, blank=True)
    ahead = models.PositiveSmallIntegerField(default=14)
    owed = models.IntegerField(default=0)
    vat = models.SmallIntegerField(default=0)
    account = models.CharField(max_length=20, blank=True)


class Statement(models.Model):
    """What one payer had in one month, frozen: kept for ten years, apart from who the payer is today.

    number: without a gap in its series; a server that was restored begins another one. lines, total: as they were then;
    digest: SHA-256 over number, payer, ids and lines. balance: of the payer's account at the month's end.
    """

    number = models.CharField(max_length=30, unique=True)
    series = models.CharField(max_length=8)
    count = models.PositiveIntegerField()
    month = models.CharField(max_length=7, db_index=True)
    payer = models.CharField(max_length=64, db_index=True)
    name = models.CharField(max_length=200, blank=True)
    address = models.TextField(blank=True)
    reference = models.CharField(max_length=100, blank=True)
    lines = models.JSONField(default=list)
    total = models.BigIntegerField(default=0)
    balance = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64)
    made = models.DateTimeField(default=clock.now)

    class Meta:
        """Counted within its series."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["series", "count"], name="one_number")]


class Transfer(models.Model):
    """One thing that moved money or time between accounts: its postings sum to 0 in each unit.

    cause: what it follows from, each posted once. month: to which it belongs, the one that was open; day: on
    which it happened. payer: whose it
    is, as it was known then. lines: what it is made of (`protocol.price.Line`); note: who says so and why. marks: what
    a person is to know of it, words of `charges.Mark`. statement: where it was frozen.
    """

    cause = models.CharField(max_length=200, unique=True)
    what = models.CharField(max_length=20)
    month = models.CharField(max_length=7)
    day = models.DateField(default=clock.today)
    at = models.DateTimeField(default=clock.now)
    payer = models.CharField(max_length=64, blank=True)
    device = models.ForeignKey("devices.Device", null=True, blank=True, on_delete=models.PROTECT)
    session = models.CharField(max_length=64, blank=True)
    machine = models.CharField(max_length=64, blank=True)
    member = models.CharField(max_length=64, blank=True)
    lines = models.JSONField(default=list)
    marks = models.JSONField(default=list)
    note = models.CharField(max_length=200, blank=True)
    statement = models.ForeignKey(Statement, null=True, blank=True, on_delete=models.PROTECT, related_name="transfers")

    class Meta:
        """Asked for by session, by payer and month."""

        indexes: ClassVar = [
            models.Index(fields=["device", "session"], name="transfer_of_session"),
            models.Index(fields=["payer", "month"], name="transfer_of_payer"),
            models.Index(fields=["month", "what"], name="transfer_of_month"),
        ]


class Posting(models.Model):
    """How much one account gets by a transfer, in cents (EUR) or seconds (TIME); month: the transfer's."""

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="postings")
    account = models.CharField(max_length=150)
    unit = models.CharField(max_length=4)
    amount = models.BigIntegerField()
    month = models.CharField(max_length=7)

    class Meta:
        """All that a balance is made of, in one place."""

        indexes: ClassVar = [
            models.Index(fields=["account", "unit", "month", "amount"], name="posting_of_account"),
            models.Index(fields=["month", "account", "unit", "amount"], name="posting_of_month"),
        ]


class Balance(models.Model):
    """What an account had at the end of the last month that is closed: nothing is added to months before it."""

    account = models.CharField(max_length=150)
    unit = models.CharField(max_length=4)
    amount = models.BigIntegerField()

    class Meta:
        """One for each unit."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "unit"], name="one_balance")]


class Closing(models.Model):
    """A month that is closed. digest: over its statements; count, total: of them.

    left_out: which controllers were silent, what was open.
    """

    month = models.CharField(primary_key=True, max_length=7)
    at = models.DateTimeField(default=clock.now)
    by = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    count = models.PositiveIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    left_out = models.JSONField(default=list)


class Series(models.Model):
    """A series of numbers for statements: one for each time that this server was begun or restored."""

    name = models.CharField(primary_key=True, max_length=8)
    generation = models.CharField(max_length=20, unique=True)
    after = models.CharField(max_length=30, blank=True)  # the last number that was issued before, as somebody said


class Address(models.Model):
    """How a payer is called on statements, where they live, what they want to read there."""

    payer = models.CharField(primary_key=True, max_length=64)
    name = models.CharField(max_length=200, blank=True)
    text = models.TextField(max_length=1000, blank=True)
    reference = models.CharField(max_length=100, blank=True)


class Share(models.Model):
    """A holder's part of a machine, from a day on. weight: a whole number; is_rest: who has what is left over."""

    machine = models.CharField(max_length=64, db_index=True)
    holder = models.CharField(max_length=64)
    weight = models.PositiveIntegerField()
    since = models.DateField()
    is_rest = models.BooleanField(default=False)

    class Meta:
        """Said once for each day."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["machine", "holder", "since"], name="one_share")]
