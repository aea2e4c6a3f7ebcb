"""The command line: what it says, in which language, and what it does with nonsense."""

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner
from fixed import EXAMPLES

from controller.commands import loquet

MARIE, JEAN = "04A3C6CAE26180", "04A3C6112233FF"


@pytest.fixture
def run(stage_folder):
    """Run a command in this process, on a folder of its own, with no daemon."""

    def act(*arguments, text=None, code=0):
        environment = {"LOQUET_CONFIG": str(stage_folder / "demo.toml")}
        done = CliRunner().invoke(loquet, list(arguments), input=text, env=environment)
        assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == code, done.output
        return done.output

    return act


COMMANDS = sorted(loquet.list_commands(None))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_in_its_help(run, name):
    command = loquet.get_command(None, name)
    assert len(command.help) > 20
    for each in (command, *getattr(command, "commands", {}).values()):
        for option in each.params:
            assert option.param_type_name == "argument" or option.help, (name, option.name)
    assert "Usage:" in run(name, "--help")


def test_help_speaks_french():
    environment = {**os.environ, "LANG": "fr_FR.UTF-8", "LC_ALL": "", "LANGUAGE": ""}
    done = subprocess.run(
        [sys.executable, "-m", "controller", "--help"], env=environment, capture_output=True, text=True, check=True
    )
    assert "Utilisation" in done.stdout or "Usage\u00a0:" in done.stdout
    assert "machine" in done.stdout
    assert "Show this message" not in done.stdout


def test_commands_speak_the_language_of_the_settings_before_that_of_the_terminal(stage_folder):
    settings = stage_folder / "demo.toml"
    settings.write_text(settings.read_text().replace('language = "en"', 'language = "fr"'))
    environment = {**os.environ, "LANG": "en_GB.UTF-8", "LC_ALL": "", "LANGUAGE": "", "LOQUET_CONFIG": str(settings)}

    def said(**more):
        command = [sys.executable, "-m", "controller", "whitelist", "list"]
        return subprocess.run(command, env=environment | more, capture_output=True, text=True, check=True).stdout

    assert "adhérent" in said()
    assert "member" in said(LOQUET_LANGUAGE="en")
    settings.write_text("language = [")  # whatever is wrong there is told by the command, not by a traceback
    done = subprocess.run(
        [sys.executable, "-m", "controller", "status"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


@pytest.mark.parametrize("words", [("whitelist", "list", "--config"), ("--config",), ("server", "check", "--config")])
def test_a_command_speaks_the_language_of_whatever_settings_it_is_given(tmp_path, words):
    settings, place = tmp_path / "some.toml", words.index("--config") + 1
    settings.write_text(
        '[server]\nlanguage = "fr"\ndata_dir = "d"\n' if "server" in words else '[controller]\nlanguage = "fr"'
    )
    after = ["status"] if words == ("--config",) else []
    environment = {**os.environ, "LANG": "en_GB.UTF-8", "LC_ALL": "", "LANGUAGE": "", "LOQUET_CONFIG": "/nowhere"}
    environment.pop("LOQUET_LANGUAGE", None)
    command = [sys.executable, "-m", "controller", *words[:place], str(settings), *after]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert re.search("é|Erreur", done.stdout + done.stderr), "it is French"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["statsu"], "loquet status"),
        (["Status"], "loquet status"),
        (["grant"], "loquet whitelist grant"),
        (["whitelist", "grnat"], "loquet whitelist grant"),
        (["server", "innit"], "loquet server init"),
        (["xyzzy"], ""),
    ],
)
def test_a_mistyped_command_is_told_of_with_what_may_have_been_meant(run, typed, meant):
    said = run(*typed, code=2)
    assert f"No such command '{typed[-1]}'." in said
    assert (f"Did you mean `{meant}`?" in said) if meant else ("Did you mean" not in said)


def test_where_there_are_no_settings_it_is_said_how_to_have_some(tmp_path):
    environment = {"LOQUET_CONFIG": str(tmp_path / "none.toml")}
    done = CliRunner().invoke(loquet, ["status"], env=environment)
    assert done.exit_code == 1
    assert all(each in done.output for each in ("loquet setup", "loquet demo", "--config"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["status", "--json", "--config", "/nowhere.toml"], 1),
        (["whitelist", "explain", "nobody", "--json", "--nonsense"], 2),
        (["sessions", "--json", "--since", "yesterday"], 2),
        (["whitelist", "lsit", "--json"], 2),
    ],
)
def test_for_a_script_an_error_is_json_on_standard_output(words, code):
    done = CliRunner().invoke(loquet, words)
    assert done.exit_code == code
    assert json.loads(done.stdout)["error"]
    assert not done.stderr


def _every_command(group=loquet, path=()):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        yield pytest.param(command, id=" ".join((*path, name)))
        if hasattr(command, "list_commands"):
            yield from _every_command(command, (*path, name))


@pytest.mark.parametrize("command", list(_every_command()))
def test_every_command_takes_its_settings_by_name(command):
    has = any("--config" in each.opts for each in command.params)
    assert has or command.name in {"completion", "demo"}, "the demonstration brings its own"


def test_an_evening_from_nothing_to_a_decision(run):
    run("whitelist", "require", "laser", "laser-training")
    run(
        "whitelist",
        "grant",
        "marie",
        "laser-training",
        "--badge",
        MARIE,
        "--name",
        "Marie Curie",
        "--until",
        "31/12/2099",
    )
    assert "Marie Curie" in run("whitelist", "list")
    assert "31 December 2099" in run("whitelist", "list")
    assert run("whitelist", "explain", "marie", "laser").rstrip().endswith("granted")
    assert json.loads(run("whitelist", "explain", "--json", "--badge", MARIE, "laser"))["granted"] is True
    run("whitelist", "revoke", "marie", "laser-training")
    assert "training" in run("whitelist", "explain", "marie", "laser")
    assert run("whitelist", "explain", "marie", "laser").rstrip().endswith("refused")


def test_an_exclusion_holds_until_somebody_says_otherwise(run):
    run("whitelist", "grant", "marie", "laser", "--badge", MARIE)
    assert "excluded" in run("whitelist", "revoke", "marie")
    assert "--readmit" in run("whitelist", "grant", "marie", "laser", code=1)
    run("whitelist", "import", "--merge", str(EXAMPLES / "members.csv"))
    assert "excluded" in run("whitelist", "list")
    run("whitelist", "grant", "marie", "laser", "--readmit")
    assert "excluded" not in run("whitelist", "list")


def test_a_badge_has_one_owner(run):
    run("whitelist", "grant", "marie", "--badge", MARIE)
    assert "marie" in run("whitelist", "grant", "jean", "--badge", MARIE, code=1)


def test_an_import_says_merge_or_replace(run):
    assert "--merge" in run("whitelist", "import", str(EXAMPLES / "members.csv"), code=2)


def test_merge_keeps_and_replace_takes_away_but_machines_stay(run, stage_folder):
    run("whitelist", "require", "laser", "laser")
    run("whitelist", "grant", "old", "laser", "--badge", "DEADBEEF")
    run("whitelist", "import", "--merge", str(EXAMPLES / "members.csv"))
    listed = run("whitelist", "list")
    assert "old" in listed and "Marie Curie" in listed
    run("whitelist", "import", "--replace", str(EXAMPLES / "members.csv"))
    listed = run("whitelist", "list", "--json")
    assert '"old"' not in listed
    assert '"requires":["laser"]' in listed


def test_a_dry_run_changes_nothing(run):
    assert "4 members" in run("whitelist", "import", "--merge", "--dry-run", str(EXAMPLES / "members.csv"))
    assert "Marie" not in run("whitelist", "list")


def test_bad_lines_are_told_with_their_numbers_and_nothing_is_imported(run, tmp_path):
    sheet = tmp_path / "bad.csv"
    sheet.write_text("badge;member\n04A3C6CAE26180;marie\n1,2E+13;jean\nxx;paul\n")
    said = run("whitelist", "import", "--merge", str(sheet), code=1)
    assert "line 3" in said and "line 4" in said and "line 2" not in said
    assert "marie" not in run("whitelist", "list")


def test_a_column_that_is_not_read_is_named_and_loudly_where_it_holds_what_would_matter(run, tmp_path):
    sheet = tmp_path / "unread.csv"
    sheet.write_text(
        "member;colour;start;skills;object\n"
        "ann;red;01/02/2026;laser;04:A3:C6:CA:E2:61:80\nbob;blue;02/02/2026;laser;04:A3:C6:CA:E2:61:81\n"
    )
    run("whitelist", "require", "laser", "laser")
    said = run("whitelist", "import", "--merge", "--dry-run", str(sheet))
    assert 'the column "start" holds days' in said and 'the column "object" holds badges' in said
    assert 'the column "skills" holds trainings' in said and "not read: colour\n" in said


@pytest.mark.parametrize("how", ["--merge", "--replace"])
def test_a_training_is_known_by_its_name_and_a_column_of_its_own_is_ticked(run, tmp_path, how):
    run("whitelist", "require", "laser", "laser")
    sheet = tmp_path / "ticks.csv"
    sheet.write_text("member;Laser;trainings\nann;x;\nbob;;LASER\ncid;;\n")
    run("whitelist", "import", how, str(sheet))
    said = [json.loads(line) for line in run("whitelist", "list", "--json").splitlines()]
    assert [each["id"] for each in said if each["type"] == "training"] == ["laser"]
    held = {(each["member"], each["training"]) for each in said if each["type"] == "certification"}
    assert held == {("ann", "laser"), ("bob", "laser")}


def test_an_export_comes_back_under_its_own_key_and_under_no_other(run, stage_folder, tmp_path):
    run("whitelist", "require", "laser", "laser")
    run("whitelist", "import", "--replace", str(EXAMPLES / "members.csv"))
    exported = run("whitelist", "export")
    assert MARIE not in exported
    path = tmp_path / "export.jsonl"
    path.write_text(exported)
    run("whitelist", "import", "--replace", str(path))
    assert run("whitelist", "export") == exported
    path.write_text("\n".join(exported.splitlines()[:-1]))
    assert "cut short" in run("whitelist", "import", "--replace", str(path), code=1)
    for name in ("badge.key", "loquet.db"):
        (stage_folder / "data" / name).unlink()
    path.write_text(exported)
    assert "another badge key" in run("whitelist", "import", "--replace", str(path), code=1)


def test_a_lock_is_shown_and_explained(run):
    run("whitelist", "require", "laser", "laser")
    run("whitelist", "import", "--merge", str(EXAMPLES / "members.csv"))
    run("machine", "lock", "laser", "--reason", "mirror broken")
    assert "mirror broken" in run("whitelist", "explain", "marie", "laser")
    assert run("whitelist", "explain", "laure", "laser").rstrip().endswith("granted")
    run("machine", "unlock", "laser")
    assert run("whitelist", "explain", "marie", "laser").rstrip().endswith("granted")


def test_a_lock_on_a_machine_that_nobody_described_opens_it_to_nobody(run):
    assert "requires" in run("machine", "lock", "laser", "--reason", "x", code=1)
    assert "open to every member" not in run("whitelist", "list")


def test_a_damaged_database_is_a_sentence(run, stage_folder):
    run("whitelist", "import", "--merge", str(EXAMPLES / "members.csv"))
    path = stage_folder / "data" / "loquet.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    assert "Error" in run("whitelist", "list", code=1)


def test_sessions_go_into_a_spreadsheet_and_run_no_formula(run):
    run("whitelist", "grant", "m1", "--name", "=HYPERLINK(1)")
    assert run("sessions", "--csv").startswith("\ufeff")
    assert "machine;" in run("sessions", "--csv")


DAY_MS = 24 * 3600 * 1000
NOON = 1_793_530_800_000  # 1 November 2026, noon in Paris


@pytest.fixture
def used(run, stage_folder):
    """Marie used the laser for 10 minutes on three days, Jean the printer for 20 on one; two are called Marie."""
    from fixed import moment

    from controller.settings import load
    from controller.store import database, journal
    from protocol import entries
    from protocol.entries import Ending
    from protocol.moment import Quality
    from protocol.rows import Level

    for who, name in (("m1", "Marie"), ("m2", "Jean"), ("m3", "marie")):
        run("whitelist", "grant", who, "--name", name)
    db = database.open_for_writing(load(stage_folder / "demo.toml").data_dir)
    written = [(moment(0), entries.Clock(NOON, Quality.SYNCHRONISED))]
    for number, (who, machine, days, minutes) in enumerate(
        [("m1", "laser", 0, 10), ("m1", "laser", 1, 10), ("m2", "printer", 1, 20), ("m1", "laser", 40, 10)]
    ):
        at = days * DAY_MS
        written.append((moment(at), entries.Granted(f"s{number}", machine, who, "a" * 32, Level.USER)))
        ended = entries.Ended(f"s{number}", machine, Ending.BADGE_REMOVED, minutes * 60_000)
        written.append((moment(at + minutes * 60_000), ended))
    with db.atomic():
        journal.append(db, written)
    db.close()
    return run


@pytest.mark.parametrize(
    ("asked", "sums"),
    [
        (("--sum", "member"), {"m1": (3, 1800), "m2": (1, 1200)}),
        (("--sum", "machine"), {"laser": (3, 1800), "printer": (1, 1200)}),
        (("--sum", "day"), {"2026-11-01": (1, 600), "2026-11-02": (2, 1800), "2026-12-11": (1, 600)}),
        (("--sum", "month", "--machine", "laser"), {"2026-11": (2, 1200), "2026-12": (1, 600)}),
        (("--sum", "member", "--since", "2026-11-02", "--until", "2026-11-30"), {"m1": (1, 600), "m2": (1, 1200)}),
        (("--sum", "machine", "--member", "Jean"), {"printer": (1, 1200)}),
        (("--sum", "machine", "--member", "m3"), {}),
    ],
)
def test_sessions_are_added_up_by_member_machine_day_or_month(used, asked, sums):
    found = [json.loads(line) for line in used("sessions", *asked, "--json").splitlines()]
    assert {each[asked[1]]: (each["sessions"], each["powered_s"]) for each in found} == sums
    assert len(used("sessions", *asked, "--csv").splitlines()) == len(sums) + 1
    used("sessions", *asked)


def test_sessions_of_one_member_and_of_some_days_are_had_one_by_one(used):
    lines = used("sessions", "--member", "m1", "--until", "2026-11-30", "--json").splitlines()
    assert [json.loads(line)["session"] for line in lines] == ["s0", "s1"]
    assert "m1, m3" in used("sessions", "--member", "MARIE", code=1), "two are called so"


NONSENSE = [
    ("nothing",),
    ("whitelist", "nothing"),
    ("whitelist", "grant"),
    ("whitelist", "grant", "m" * 65),
    ("whitelist", "grant", ""),
    ("whitelist", "grant", "marie", "--badge", "12"),
    ("whitelist", "grant", "marie", "--until", "tomorrow"),
    ("whitelist", "grant", "marie", "--level", "boss"),
    ("whitelist", "revoke", "nobody"),
    ("whitelist", "require", "laser"),
    ("whitelist", "require", "lathe", "x"),
    ("whitelist", "require", "laser", "x", "--nothing"),
    ("whitelist", "explain", "nobody", "laser"),
    ("whitelist", "explain", "laser"),
    ("whitelist", "import", "--merge", "/nonexistent"),
    ("whitelist", "import", "--merge", sys.executable),
    ("whitelist", "import", "--merge", "--trainings", sys.executable, str(EXAMPLES / "members.csv")),
    ("machine", "lock", "laser"),
    ("machine", "lock", "lathe", "--reason", "x"),
    ("machine", "lock", "laser", "--reason", " "),
    ("machine", "lock", "laser", "--reason", "x" * 201),
    ("journal", "--after", str(2**70)),
    ("whitelist", "grant", "\udcff"),
    ("machine", "clear", "laser"),
    ("machine", "end", "laser", "x"),
    ("sessions", "--machine", "lathe"),
    ("journal",),
    ("journal", "--after", "-1"),
    ("status",),
    ("read", "--machine", "lathe"),
    ("completion", "csh"),
    ("run", "--config", "/nonexistent"),
    ("check", "--config", "/nonexistent"),
    ("check", "--config", "/etc"),
]


@pytest.mark.parametrize("arguments", NONSENSE, ids=" ".join)
def test_nonsense_is_a_sentence_and_an_exit_status(run, stage_folder, arguments):
    done = CliRunner().invoke(loquet, list(arguments), env={"LOQUET_CONFIG": str(stage_folder / "demo.toml")})
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code in {1, 2, 78}
    assert "Traceback" not in done.output
    assert len(done.output) > 20


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(run, shell):
    assert "_LOQUET_COMPLETE" in run("completion", shell)


def test_help_says_of_each_command_its_own_first_sentence():
    from controller.commands import loquet
    from controller.commands.summaries import SUMMARIES

    found = {name: loquet.get_command(None, name).get_short_help_str(400) for name in loquet.list_commands(None)}
    assert found == SUMMARIES


def test_help_and_version_load_no_command_and_no_driver():
    code = (
        "import sys\nfrom controller.commands import main\nsys.argv = ['loquet', sys.argv[1]]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "slow = ('controller.settings', 'controller.store', 'drivers')\n"
        "print([name for name in sys.modules if name.startswith(slow)])"
    )
    for option in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]", option
