"""These statements catch what they are there for."""

import pytest
from hypothesis import Phase, settings
from parts import (
    a_lie_is_a_fault,
    a_plug_that_lies_raises,
    a_pulled_plug_is_told,
    no_answer_is_made_up,
    no_tag_is_made_up,
    read_through_noise,
    stays_closed,
)

from controller.outputs.remote_state import RemoteState
from controller.outputs.remote_worker import RemoteWorker
from drivers.contracts import Card, ReaderLostError, Sighting
from drivers.outputs.tasmota import Tasmota
from drivers.readers import em4100, pn532, pn532_frames
from drivers.readers.pn532 import PN532Reader
from drivers.readers.pn532_frames import Frames, targets

ANY_EXAMPLE = settings(phases=(Phase.generate,))  # one that fails will do, the smallest is not sought


def test_control_a_parser_without_checksums_is_caught(monkeypatch):
    monkeypatch.setattr(em4100, "reduce", lambda _xor, tag: bytes.fromhex("00")[0] * len(tag))
    with pytest.raises(AssertionError):
        no_tag_is_made_up(ANY_EXAMPLE)


def test_control_frames_that_are_not_summed_are_caught(monkeypatch):
    first = Frames._first

    def unsummed(self):
        arrived, used = first(self)
        if arrived is None and used > 4:
            return pn532_frames.Arrived("answer", bytes(self._waiting[5 : used - 1])), used
        return arrived, used

    monkeypatch.setattr(Frames, "_first", unsummed)
    with pytest.raises(AssertionError):
        no_answer_is_made_up(ANY_EXAMPLE)


def test_control_a_reader_that_reads_one_cascade_level_is_caught(line, twin_chip, twin_reader, monkeypatch):
    monkeypatch.setattr(pn532, "targets", lambda data: frozenset(Card(card.uid[:4]) for card in targets(data) or ()))
    with pytest.raises(AssertionError):
        read_through_noise(line, twin_chip, twin_reader, ANY_EXAMPLE)


def test_control_a_reader_that_hides_its_loss_is_caught(line, twin_chip, monkeypatch):
    look = PN532Reader.look

    def hiding(twin_reader):
        try:
            return look(twin_reader)
        except ReaderLostError:
            return Sighting()

    monkeypatch.setattr(PN532Reader, "look", hiding)
    with pytest.raises(AssertionError):
        a_pulled_plug_is_told(line, twin_chip)


def test_control_a_plug_that_is_not_read_back_is_caught(make, plug, output, monkeypatch):
    unread = (
        (lambda self, *, closed: self._ask(f"Power1 {'ON' if closed else 'OFF'}"))
        if make[1] is Tasmota
        else (lambda self, *, closed: self._plug.ask("POST", "/rpc/Switch.Set", json={"id": 0, "on": closed}))
    )
    monkeypatch.setattr(make[1], "switch", unread)
    with pytest.raises(pytest.fail.Exception):
        a_plug_that_lies_raises(plug, output)


def test_control_a_timer_that_is_not_begun_anew_is_caught(plug, output, seconds, monkeypatch):
    monkeypatch.setattr(RemoteWorker, "_arm_every", lambda _self: 1 << 62)
    with pytest.raises(AssertionError):
        stays_closed(plug, output, seconds)


def test_control_a_fault_that_is_not_told_is_caught(plug, output, seconds, monkeypatch):
    monkeypatch.setattr(RemoteState, "fail", lambda _self, _error: None)
    with pytest.raises(AssertionError):
        a_lie_is_a_fault(plug, output, seconds)
