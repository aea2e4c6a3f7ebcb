"""A certificate that is renewed is served without a restart; half of a renewal is not."""

import os
import socket
import ssl
import threading

import pytest
from cryptography import x509

from server.core import tls
from server.front.certificates import Served


@pytest.fixture
def served(tmp_path):
    tls.make(tmp_path, ["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / tls.FILE)
    return context, Served(context, tmp_path / tls.FILE, tmp_path / tls.FILE)


def serial(context):
    """Of the certificate that a connection which comes now is shown."""
    ours, theirs = socket.socketpair()
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE

    def shake():
        with context.wrap_socket(ours, server_side=True) as line:
            line.recv(1)

    thread = threading.Thread(target=shake)
    thread.start()
    with client.wrap_socket(theirs) as line:
        shown = line.getpeercert(binary_form=True)
        line.sendall(b"x")
    thread.join(10)
    return x509.load_der_x509_certificate(shown).serial_number


def test_what_is_renewed_is_shown_to_whoever_comes_then(served, tmp_path):
    context, watched = served
    before = serial(context)
    assert not watched.look()
    assert serial(context) == before
    tls.make(tmp_path, ["localhost"])
    assert watched.look()
    assert serial(context) != before
    assert not watched.look()


def test_a_key_that_does_not_fit_leaves_what_is_served_and_is_tried_again(served, tmp_path, caplog):
    context, watched = served
    before = serial(context)
    whole = (tmp_path / tls.FILE).read_bytes()
    (tmp_path / tls.FILE).write_bytes(whole[: len(whole) // 2])
    assert not watched.look()
    assert "cannot be used yet" in caplog.text
    assert serial(context) == before
    (tmp_path / tls.FILE).unlink()
    assert not watched.look()
    tls.make(tmp_path, ["localhost"])
    assert watched.look()
    assert serial(context) != before


def test_whoever_asks_has_it_read_again_though_nothing_shows_that_it_changed(served, tmp_path):
    context, watched = served
    before, stamp = serial(context), (tmp_path / tls.FILE).stat()
    assert watched.look(again=True)
    assert serial(context) == before
    assert (tmp_path / tls.FILE).stat().st_mtime_ns == stamp.st_mtime_ns
    os.utime(tmp_path / tls.FILE, (0, 0))
    assert watched.look(), "a clock that was set back hides no renewal"
