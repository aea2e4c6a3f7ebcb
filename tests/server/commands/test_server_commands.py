"""What the shell's commands say."""

import json
import os

from central import HOME
from click.testing import CliRunner

from server.commands import server as command
from server.operations import backup


def test_check_says_what_is_wrong_and_what_to_do(sqlite):
    runner = CliRunner()
    found = runner.invoke(command, ["check", "--json"])
    said = {each["what"]: each for each in json.loads(found.output)}
    assert found.exit_code == 1
    assert not said["backup"]["ok"]
    assert said["database"]["ok"]
    backup.left()
    assert runner.invoke(command, ["check"]).exit_code == 0
    mode = (HOME / "data/keys.json").stat().st_mode
    wrong = runner.invoke(command, ["--config", str(HOME / "nothing.toml"), "check"])
    os.environ["LOQUET_SERVER_CONFIG"] = str(HOME / "server.toml")
    assert wrong.exit_code == 1
    assert mode & 0o077 == 0


def test_commands_refuse_wrong_arguments_with_a_sentence(sqlite, tmp_path):
    runner = CliRunner()
    assert runner.invoke(command, ["restore", str(tmp_path / "nothing")]).exit_code == 2
    assert runner.invoke(command, ["backup"]).exit_code == 2
    assert runner.invoke(command, ["recover"]).exit_code == 2
    assert runner.invoke(command, ["nonsense"]).exit_code == 2
