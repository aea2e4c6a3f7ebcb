"""A keypad beside a reader, as processes: the shipped settings, the shipped daemon, keys as pulses on two pins."""

import pytest
from fixed import EXAMPLES

from controller.control import client
from controller.store.whitelist import Change
from protocol.badge import parse_badge
from protocol.rows import Badge, Certification, Machine, Member, Training
from simulator.stage import Stage, until

pytestmark = pytest.mark.process
TAG, PIN = "0CCAE26180", "90210735"


@pytest.fixture
def forge(tmp_path):
    config = tmp_path / "c.toml"
    text = (EXAMPLES / "keypad.toml").read_text()
    config.write_text(text.replace("[controller]", '[controller]\ndata_dir = "data"\nrun_dir = "run"'))
    with Stage(config) as made:
        made.start_board()
        with client.open_client(made.settings, write=True) as memory:
            (badge,) = memory.hash([parse_badge(f"em4100-3:{TAG[4:]}")])
            rows = [Training("fire"), Machine("forge", requires=("fire",)), Member("marie"), Badge(badge, "marie")]
            rows.append(Certification("marie", "fire"))
            memory.edit(Change(put=tuple(rows)), lambda *_: None)
        made.start_guard()
        yield made


def press(stage, keys):
    """Press keys, each once the one before was heard: nobody presses two within hundredths of a second."""
    for count, key in enumerate(keys):
        until(lambda count=count: stage.state("forge")["typed"] == count, "the key before is heard")
        stage.do_part("forge", "reader", "do", name="type", text=key)


def test_a_pin_is_set_from_the_shell_and_typed_at_the_reader_and_stands_nowhere(forge, tmp_path):
    for text, why in (("1234\n", "guessed"), ("\n", "digits"), ("abcd\n", "digits")):
        done = forge.loquet("pin", "set", "marie", text=text)
        assert (done.returncode, why in done.stderr) == (1, True), done.stderr
    assert "no member" in forge.loquet("pin", "set", "nobody", text=PIN).stderr
    assert "has no PIN" in forge.loquet("pin", "clear", "marie").stderr
    forge.start_daemon()
    done = forge.loquet("pin", "set", "marie", text=f"{PIN}\n")
    assert done.returncode == 0, done.stderr
    forge.lay("forge", TAG)
    until(lambda: forge.state("forge")["state"] == "awaiting_pin", "the PIN is asked for")
    press(forge, "99#")
    until(lambda: "pin_wrong" in forge.loquet("journal", "--json").stdout, "it is refused")
    assert not forge.closed("forge")
    press(forge, f"{PIN}#")
    until(lambda: forge.closed("forge"), "it is let in")
    with client.open_client(forge.settings) as memory:
        kept = memory.whitelist().pins["marie"].hash
    assert forge.kill("daemon", 15) == 0
    assert not forge.closed("forge")
    for path in filter(lambda path: path.is_file(), tmp_path.rglob("*")):
        assert PIN.encode() not in path.read_bytes(), path
    assert kept not in forge.loquet("journal", "--json").stdout
    assert kept.encode() not in (tmp_path / "log.txt").read_bytes()
    assert forge.loquet("pin", "clear", "marie").returncode == 0
    (tmp_path / "data/server.json").write_text("{}")
    for arguments in (("set", "marie"), ("clear", "marie")):
        assert "a server keeps the list" in forge.loquet("pin", *arguments, text=f"{PIN}\n").stderr
