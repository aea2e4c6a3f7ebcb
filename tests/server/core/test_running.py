"""Which processes use a database: one on SQLite, several on PostgreSQL, none while a backup is put back."""

import os

import pytest
from central import HOME

from server.core import keys, running, state
from server.core.running import KeysDifferError, RunningError


def test_on_sqlite_a_second_server_says_that_one_runs_already_and_which(sqlite, tmp_path):
    with running.together(tmp_path):
        with pytest.raises(RunningError, match=f"process {os.getpid()}"), running.together(tmp_path):
            pass
        with pytest.raises(RunningError), running.alone(tmp_path):
            pass
    with running.alone(tmp_path):
        pass


def test_on_postgresql_several_run_and_a_backup_is_put_back_under_none_of_them(postgres, tmp_path):
    one, other = running.together(tmp_path), running.together(tmp_path)
    with one, other, pytest.raises(RunningError, match="stop every one"), running.alone(tmp_path):
        pass
    with running.alone(tmp_path), pytest.raises(RunningError, match="being put back"), running.together(tmp_path):
        pass


def test_a_database_belongs_to_one_set_of_keys(database):
    mine = keys.load(HOME / "data")
    running.hold_to_keys(mine)
    running.hold_to_keys(mine.with_new_badge_key())
    with pytest.raises(KeysDifferError, match=mine.signer.public.text[:10]):
        running.hold_to_keys(keys.make())
    assert state.get(state.KEYS) == mine.signer.public.text
