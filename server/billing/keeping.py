"""For how long what was billed is kept: ten years with whose it is (article L123-22 of the French Code de commerce)."""

from __future__ import annotations

from datetime import date
from typing import Final

from server.billing.models import Address, Posting, Statement, Transfer

YEARS: Final = 10
NOBODY: Final = "payer/-"  # whose postings are that are older: accounts go on adding up from them


def purge(today: date) -> None:
    """Forget whose it was that was billed more than ten years ago; sums and shares stay."""
    limit = f"{today.year - YEARS:04}-{today.month:02}"
    old = Transfer.objects.filter(month__lt=limit).exclude(payer="", member="", note="", statement=None)
    old.update(payer="", member="", session="", note="", lines=[], statement=None)
    Posting.objects.filter(month__lt=limit, account__startswith="payer/").exclude(account=NOBODY).update(account=NOBODY)
    Statement.objects.filter(month__lt=limit).delete()


def forget(member: str, **_signal: object) -> None:
    """Have no address of somebody who is forgotten; statements that were issued stay for ten years, and say so."""
    Address.objects.filter(pk=member).delete()
