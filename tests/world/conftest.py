"""What the stories of the whole share: a workshop's controller and its server, as processes of any program."""

import shutil

import pytest
from programs import AnyStage, CentralProcess


@pytest.fixture
def ends(stage_folder, members, tmp_path_factory):
    """A workshop's controller and its server; neither runs yet."""
    shutil.copytree(members, stage_folder / "data")
    with CentralProcess(tmp_path_factory.mktemp("central")) as central, AnyStage(stage_folder / "demo.toml") as stage:
        stage.start_board()
        stage.start_guard()
        yield stage, central
