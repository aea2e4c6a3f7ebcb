"""Defects and downtime from the shell; the card of a machine, with the way to report one."""

import pytest
from commands import told

from controller.sync import identity

pytestmark = pytest.mark.process


def listed(stage):
    return {row["machine"]: row for row in told(stage, "machine", "list")}


@pytest.mark.parametrize("runs", [True, False], ids=["the daemon runs", "it does not"])
def test_a_defect_is_reported_and_mended_from_the_shell(stage, runs):
    if runs:
        stage.start_daemon()
    done = stage.loquet("machine", "report", "laser", "the lens is scratched")
    assert done.returncode == 0, done.stderr
    row = listed(stage)["laser"]
    assert [each["note"] for each in row["defects"]] == ["the lens is scratched"]
    assert row["defects"][0]["by"]
    assert "the lens is scratched" in stage.loquet("machine", "list").stdout
    assert "a defect is reported by" in stage.loquet("journal").stdout
    assert stage.loquet("machine", "mended", "laser", "--note", "new one").returncode == 0
    assert listed(stage)["laser"]["defects"] == []


def test_a_lock_is_counted_as_time_down_and_shown_with_its_reason_until_it_is_lifted(stage):
    stage.start_daemon()
    stage.loquet("machine", "lock", "laser", "--reason", "mirror")
    row = listed(stage)["laser"]
    assert row["why"] == "mirror" and row["down_since"]
    assert "mirror (" in stage.loquet("machine", "list").stdout
    stage.loquet("machine", "unlock", "laser")
    row = listed(stage)["laser"]
    assert (row["why"], row["down_since"]) == ("", None)


@pytest.mark.parametrize(
    "arguments", [("report", "laser", " "), ("report", "nothing", "x"), ("mended", "nothing"), ("report", "laser")]
)
def test_what_makes_no_sense_is_refused_with_a_sentence(stage, arguments):
    done = stage.loquet("machine", *arguments)
    assert done.returncode in {1, 2} and done.stderr and "Traceback" not in done.stderr
    if arguments[1] == "nothing":
        assert "laser" in done.stderr, "those that there are"


def test_the_card_leads_to_the_page_where_a_defect_is_reported(stage):
    assert "<svg" not in stage.loquet("card", "laser").stdout, "no server, no page"
    assert "https://here/report/laser" in stage.loquet("card", "laser", "--report", "https://here/report/laser").stdout
    known = identity.Identity("server.lan:8443", "s" * 43, "c" * 64, "k" * 43, "k" * 43, "d-1")
    identity.save(stage.settings.data_dir, known)
    card = stage.loquet("card", "laser").stdout
    assert "https://server.lan:8443/report/laser" in card and "<svg" in card


def test_the_card_of_a_machine_with_keys_tells_to_type_a_pin(tmp_path):
    from fixed import EXAMPLES

    from controller.commands.card import page
    from controller.settings import load

    assert "type your PIN" in page(load(EXAMPLES / "keypad.toml").station("forge"))
    assert "type your PIN" not in page(load(EXAMPLES / "demo.toml").station("laser"))
