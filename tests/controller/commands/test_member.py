"""`loquet member`, `machine teach`, `clock`, `whitelist confirm`: through the shell, with and without a daemon."""

import json

import files
import pytest
from click.testing import CliRunner
from fixed import EXAMPLES  # noqa: F401 - the fixtures' folder

from controller.commands import loquet
from controller.store import database
from controller.store.whitelist import load

MARIE, JEAN, SPARE = "04A3C6CAE26180", "04A3C6112233FF", "C0FFEE77"


@pytest.fixture
def run(stage_folder):
    """Run a command in this process, on a folder of its own, with no daemon."""

    def act(*arguments, text=None, code=0):
        done = CliRunner().invoke(
            loquet, list(arguments), input=text, env={"LOQUET_CONFIG": str(stage_folder / "demo.toml")}
        )
        assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == code, done.output
        return done.output

    act("whitelist", "require", "laser", "safety")
    act("whitelist", "grant", "marie", "safety", "--badge", MARIE, "--name", "Marie Curie")
    act("whitelist", "grant", "new-1", "safety", "--badge", JEAN)
    return act


@pytest.fixture
def found(stage_folder):
    """Read what is in force."""
    return lambda: load(database.open_for_reading(stage_folder / "data"))


def test_whom_a_trainer_let_in_is_listed_and_named(run, found):
    assert "new-1" in run("member", "list", "--unnamed")
    assert "marie" not in run("member", "list", "--unnamed")
    run("member", "name", "new-1", "Jean Perrin")
    assert found().members["new-1"].name == "Jean Perrin"
    assert "new-1" not in run("member", "list", "--unnamed")
    people = [json.loads(line) for line in run("member", "list", "--json").splitlines()]
    assert people[0]["badges"] == [{"kind": "member", "until": None, "blocked": False}]


def test_a_new_badge_of_somebody_known_becomes_theirs(run, found):
    run("whitelist", "grant", "new-1", "printing")
    run("member", "merge", "marie", "new-1")
    after = found()
    assert "new-1" not in after.members
    assert {badge.member for badge in after.badges.values()} == {"marie"}
    assert set(after.certifications) == {"marie/safety", "marie/printing"}
    run("member", "merge", "marie", "marie", code=2)
    run("member", "merge", "marie", "nobody", code=1)


def test_an_exclusion_does_not_go_away_by_a_merge(run):
    run("whitelist", "revoke", "new-1")
    assert "excluded" in run("member", "merge", "marie", "new-1", code=1)


def test_a_spare_badge_is_lent_for_today_and_may_be_lent_again_to_another(run, found):
    run("member", "lend", "marie", "--badge", SPARE)
    (spare,) = [badge for badge in found().badges.values() if badge.kind == "spare"]
    assert (spare.member, spare.until is not None) == ("marie", True)
    run("member", "lend", "new-1", "--badge", SPARE, "--until", "2030-01-31")
    (spare,) = [badge for badge in found().badges.values() if badge.kind == "spare"]
    assert (spare.member, str(spare.until)) == ("new-1", "2030-01-31")
    assert "marie's" in run("member", "lend", "new-1", "--badge", MARIE, code=1)
    run("member", "lend", "ghost", "--badge", SPARE, code=1)
    run("member", "lend", "marie", "--badge", "xyz", code=1)


def test_lost_badges_are_blocked_one_or_all_and_found_again(run, found):
    run("member", "lend", "marie", "--badge", SPARE)
    run("member", "block", "--badge", SPARE)
    assert [badge.kind for badge in found().badges.values() if badge.blocked] == ["spare"]
    run("member", "block", "marie")
    assert sum(badge.blocked for badge in found().badges.values()) == 2
    run("member", "block", "marie", "--unblock")
    assert not any(badge.blocked for badge in found().badges.values())
    run("member", "block", code=2)
    run("member", "block", "marie", "--badge", SPARE, code=2)
    run("member", "block", "--badge", "DEADBEEF", code=1)


def test_a_person_who_is_forgotten_leaves_no_name_on_the_disk(run, found, stage_folder):
    run("whitelist", "grant", "new-1", "--name", "Zoé Unforgettable")
    assert "new-1 is forgotten" in run("member", "forget", "new-1", "--yes")
    after = found()
    assert "new-1" not in after.members
    assert not [badge for badge in after.badges.values() if badge.member == "new-1"]
    raw = files.all_of(stage_folder / "data")
    assert b"Unforgettable" not in raw
    assert b"Curie" in raw


def test_who_is_excluded_stays_so_without_a_name(run, found):
    run("whitelist", "revoke", "marie")
    run("member", "forget", "marie", "--yes")
    row = found().members["marie"]
    assert (row.excluded, row.name) == (True, "")
    assert all(badge.blocked for badge in found().badges.values() if badge.member == "marie")


def test_forgetting_asks_first(run, found):
    run("member", "forget", "marie", text="n\n", code=1)
    assert "marie" in found().members


def test_the_list_is_confirmed_at_the_shell(run, stage_folder):
    assert "confirmed" in run("whitelist", "confirm")
    assert database.meta(database.open_for_reading(stage_folder / "data"), "confirmed") != ""


@pytest.mark.parametrize("line", [("clock",), ("clock", "--believe"), ("machine", "teach", "laser")])
def test_what_only_a_daemon_can_do_says_so(run, line):
    assert "does not run" in run(*line, code=1)


@pytest.mark.process
def test_a_daemon_tells_the_time_teaches_and_forgets(stage):
    stage.start_daemon()
    found = json.loads(stage.loquet("clock", "--json").stdout)
    assert found["wall"] > 1_700_000_000_000
    assert stage.loquet("clock", "--believe").returncode == 0
    assert "trainer" in stage.loquet("machine", "teach", "laser").stdout
    stage.loquet("whitelist", "grant", "zoe", "--name", "Zoé Unforgettable")
    assert stage.loquet("member", "forget", "zoe", "--yes").returncode == 0
    raw = files.all_of(stage.settings.data_dir)
    assert b"Unforgettable" not in raw
    assert "clock_lowered" in stage.loquet("journal", "--json").stdout
    assert stage.loquet("journal").returncode == 0
