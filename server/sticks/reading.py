"""A file that a controller wrote on a stick: believed by its signature, and taken as if it had come by the line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import BinaryIO, Final

import msgspec

from common.errors import LoquetError
from common.texts import N_, _, ngettext, translate
from protocol import messages, stick
from protocol.messages import Enrol, Proposals, Report
from protocol.signing import SignatureError, VerifyKey, decoded
from protocol.stick import CutShortError, Header, Holds, StickError
from server.core import clock, state
from server.core.keys import Keys
from server.devices import enrolment, proposals, reports
from server.devices.models import Device, EnrolCode
from server.journal import ingest, processing
from server.journal.models import Stream
from server.usage.counters import counters_of

LATE: Final = timedelta(days=31)  # after which nothing more of a card that was replaced is taken
PROCESSED_S: Final = 20.0  # for which what came is processed before the answer is written


class Came(msgspec.Struct):
    """What came of a file. wrong: sentences, where something of it could not be taken."""

    device: Device
    entries: int = 0
    is_new: bool = False
    wrong: list[str] = msgspec.field(default_factory=list)

    @property
    def is_answered(self) -> bool:
        """Whether a file goes back to it."""
        return not self.device.retired

    @property
    def said(self) -> str:
        """What came, in a sentence."""
        name = self.device.name or self.device.pk
        if self.is_new:
            return _("{name} is taken in. Bring the stick with the answer back to it.").format(name=name)
        said = ngettext("{count} entry is new.", "{count} entries are new.", self.entries).format(count=self.entries)
        return f"{name}: {said}"


def read(file: BinaryIO, keys: Keys, seen: Callable[[Device], bool] = lambda _device: True) -> Came:
    """Take what is in a file; what was whole of one that was cut short counts. Raises LoquetError.

    seen: whether whoever brings it may have to do with a controller.
    """
    header, line = stick.read_header(file)
    if header.loquet == "down":
        raise StickError(N_("this file goes to a controller: plug the stick in there"))
    if header.server != keys.signer.public.fingerprint:
        raise StickError(N_("this file is for another server"))
    came = _ask(file, header, line, keys) if header.loquet == "ask" else _up(file, header, line, keys, seen)
    Device.objects.filter(pk=came.device.pk).update(stick_came=clock.now())
    _catch_up()
    came.device.refresh_from_db()
    return came


def _up(file: BinaryIO, header: Header, line: bytes, keys: Keys, seen: Callable[[Device], bool]) -> Came:
    """Take what a controller that is known wrote."""
    device = Device.objects.filter(pk=header.device).first()
    if device is None or not seen(device):
        raise StickError(N_("this server knows no controller of that id ({device})"), device=header.device)
    if device.retired and not _was_replaced_lately(device):
        name = device.name or device.pk
        raise StickError(N_('"{name}" was taken out: what it wrote since is not taken'), name=name)
    came, key = Came(device), VerifyKey(decoded(device.key))
    stops: set[str] = set()  # epochs of which nothing more is taken
    if device.retired:
        came.wrong.append(_("Its card was replaced since: what it wrote before counts, and there is no answer to it."))
    documents = stick.read(file, line, stick.of_reader(keys.sealer, header.once), lambda: key)
    for kind, document in _whole_ones(documents, came):
        match kind:
            case "journal":
                _take(came, document, stops)
            case _ if device.retired:
                continue
            case "holds":
                _note_holds(device, messages.read(Holds, document))
            case "report":
                reports.keep(device.pk, messages.read(Report, document), is_seen=False)
            case "proposals":
                proposals.keep(device, messages.read(Proposals, document))
    return came


def _was_replaced_lately(device: Device) -> bool:
    """Return whether a stick that its card wrote before may still be on its way; a stolen one is not heard for ever."""
    after = device.replaced_by
    return after is not None and clock.now() - after.enrolled < LATE


def _whole_ones(documents: Iterator[tuple[str, bytes]], came: Came) -> Iterator[tuple[str, bytes]]:
    try:
        yield from documents
    except CutShortError as error:
        came.wrong.append(translate(error))


def _note_holds(device: Device, said: Holds) -> None:
    fields: dict[str, object] = {"knows": said.knows}
    if said.generation == int(state.get(state.GENERATION, "0")) and device.holds < said.version <= state.version():
        fields["holds"] = said.version
    Device.objects.filter(pk=device.pk).update(**fields)


def _take(came: Came, document: bytes, stops: set[str]) -> None:
    """Take a batch of a journal."""
    upload = ingest.read(document)
    epoch = upload.batch.epoch
    if epoch in stops:
        return
    known = Stream.objects.filter(device=came.device, epoch=epoch).values_list("acknowledged_seq", flat=True).first()
    if known is None and came.device.retired:
        return  # begun since: by whoever has the card now
    try:
        receipt = ingest.take(came.device, upload)
        came.entries += max(0, receipt.seq - (upload.batch.begins - 1 if known is None else known))
    except ingest.ExpectedError as error:
        stops.add(epoch)
        came.wrong.append(
            _("Its journal on the stick begins after entry {begins}, and this server has it up to {expected}: it was "
              "restored from a backup. The answer asks for the rest.").format(
                begins=upload.batch.after, expected=error.expected)
        )  # fmt: skip
    except ingest.ConflictError:
        stops.add(epoch)
        came.wrong.append(
            _("Under a number that this server has, its journal holds something else: its card was copied, or put "
              "back. The answer has it go on under a new name.")
        )  # fmt: skip
    except ingest.TooMuchError:
        stops.add(epoch)
        came.wrong.append(_("It has sent as much as one controller may in a day: read the same file again tomorrow."))


def _ask(file: BinaryIO, header: Header, line: bytes, keys: Keys) -> Came:
    """Take a controller in that asks by stick."""
    code = EnrolCode.objects.filter(code=header.device, expires__gte=clock.now()).first()
    if code is None:
        raise StickError(
            N_("the code by which this controller asks is used up or over; make a new one on the page Controllers")
        )
    documents = stick.read(file, line, stick.of_code(code.secret, header.once), lambda: None)
    kind, raw = next(documents, ("", b""))
    if kind != "enrol":
        raise StickError(N_("this is no file of Loquet's, or its beginning is damaged"))
    asked: Enrol = messages.read(Enrol, raw)
    offered = [messages.read(Proposals, document) for kind, document in documents if kind == "proposals"]
    enrolled = enrolment.enrol(keys, asked, counters_of, by_stick=True)
    device = Device.objects.get(pk=enrolled.device)
    for each in offered:
        proposals.keep(device, each)
    Device.objects.filter(pk=device.pk).update(asked_by_stick=True)
    return Came(device, is_new=True)


def _catch_up() -> None:
    """Have what came be read out before the answer is written: that says what was taken over of edits made there."""
    until = time.monotonic() + PROCESSED_S
    while processing.is_behind() and time.monotonic() < until:
        if not processing.step():
            return


def problem(error: Exception) -> str:
    """Return what is wrong with a file, in a sentence."""
    if isinstance(error, SignatureError):
        return _("This file was not written by the controller that it names: nothing of it was taken.")
    return translate(error) if isinstance(error, LoquetError) else str(error)
