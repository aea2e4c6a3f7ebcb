"""The command in this process: what it says is the same, and no interpreter has to be started for it."""

import json

from click.testing import CliRunner

from controller.commands import loquet


def told(stage, *arguments):
    """Run a command that prints JSON on a stage's settings; give its lines."""
    done = CliRunner().invoke(loquet, [*arguments, "--json"], env={"LOQUET_CONFIG": str(stage.config)})
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]
