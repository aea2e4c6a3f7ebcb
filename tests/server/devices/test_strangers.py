"""Whoever nobody knows yet: bodies that do not come keep no new controller out, but one behind the same address."""

import contextlib
import select
import socket
import ssl

import pytest
from central import Central, until

from server.devices.api.app import OPEN_OF_ONE

HEAD = b"POST /api/v1/enrol HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def central(databases):
    with Central(databases("sqlite")) as running:
        yield running


@contextlib.contextmanager
def asking(central, address, body, length):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # later ones send tickets, which select takes for an answer
    plain = socket.create_connection(("127.0.0.1", central.port), 10, source_address=(address, 0))
    with plain, context.wrap_socket(plain) as line:
        line.sendall(HEAD % length + body)
        yield line


def status(line):
    return int(line.recv(100).split(b" ")[1])


def test_slow_bodies_of_one_address_keep_nobody_elses_controller_out(central):
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(asking(central, "127.0.0.1", b"{", 100)) for _each in range(OPEN_OF_ONE + 3)]
        answered = {}

        def three_are_answered():
            for line in select.select([each for each in slow if each not in answered], [], [], 0)[0]:
                answered[line] = status(line)
            return len(answered) == 3

        until(three_are_answered, "the address has its share")
        assert set(answered.values()) == {503}
        with asking(central, "127.0.0.2", b"{}", 2) as other:
            assert status(other) == 400, "it is read, and makes no sense"
