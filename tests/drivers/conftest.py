"""Twins of parts that were written from the data sheets alone, and the shipped drivers on them."""

import contextlib

import independent_readers
import pytest
from parts import PLUGS, SECRET, CutLine, Seconds, driver_of

from drivers.readers import pn532
from drivers.readers.pn532 import PN532Reader, PN532Settings


@pytest.fixture
def line(tmp_path):
    with CutLine(tmp_path) as made:
        yield made


@pytest.fixture
def twin_chip(line, monkeypatch):
    for name, patience in (("ACK_S", 0.3), ("ANSWER_S", 0.6)):  # a busy machine is no silent reader
        monkeypatch.setattr(pn532, name, patience)
    return independent_readers.PN532(line)


@pytest.fixture
def twin_reader(line, twin_chip):
    with contextlib.closing(PN532Reader(PN532Settings(port=line.path))) as made:
        made.open()
        yield made


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture(params=PLUGS)
def make(request):
    return PLUGS[request.param]


@pytest.fixture
def plug(make, seconds):
    with make[0](password=SECRET, now=seconds.plug, load=60.0) as made:
        yield made


@pytest.fixture
def output(make, plug):
    with contextlib.closing(driver_of(make, plug, interval=30.0)) as made:
        yield made
