"""What is said to the service manager arrives at its socket, and a missing one is no error."""

import os
import socket

import pytest

from guard.notify import ALIVE, READY, Manager


@pytest.fixture
def listening(tmp_path, monkeypatch):
    link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    link.bind(str(tmp_path / "notify"))
    link.settimeout(5)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    yield link
    link.close()


def test_words_arrive_in_one_datagram(listening):
    manager = Manager()
    manager.say(READY, ALIVE)
    assert listening.recv(100) == b"READY=1\nWATCHDOG=1"
    manager.close()


def test_an_abstract_socket_is_reached_too(monkeypatch):
    name = f"loquet-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(f"\0{name}")
        link.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        manager = Manager()
        manager.say(READY)
        assert link.recv(100) == b"READY=1"
        manager.close()


def test_without_a_manager_nothing_is_said_and_nothing_fails(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    manager = Manager()
    manager.say(READY)
    assert manager.patience_ms is None


def test_a_manager_that_does_not_listen_holds_up_nobody(listening):
    manager = Manager()
    for _ in range(10_000):  # far more than a socket's queue takes
        manager.say(ALIVE)
    listening.close()
    manager.say(ALIVE)
    manager.close()


@pytest.mark.parametrize(
    ("microseconds", "pid", "patience"),
    [("30000000", None, 30_000), ("30000000", "1", None), ("", None, None), ("soon", None, None)],
)
def test_the_watchdogs_patience_is_read_if_it_is_meant_for_us(listening, monkeypatch, microseconds, pid, patience):
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", pid or str(os.getpid()))
    manager = Manager()
    assert manager.patience_ms == patience
    manager.close()
