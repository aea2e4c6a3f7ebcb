"""What the loop owns is touched by no other thread while it runs; a test that does is caught."""

import threading

import pytest
from workshop import Workshop

from common import owner
from common.owner import OwnerError
from controller.runtime.messages import Halt


@pytest.mark.parametrize(
    "touch",
    [
        lambda w: w.loop.states,
        lambda w: w.badges.whitelist,
        lambda w: next(iter(w.loop.stations.outputs.values())).renew(0),
    ],
    ids=["states", "whitelist", "outputs"],
)
def test_another_thread_that_touches_what_the_loop_owns_is_caught(touch, tmp_path, monkeypatch):
    monkeypatch.setattr(owner, "FOLDER", str(tmp_path))
    with Workshop() as w:
        touch(w)  # nobody runs the loop yet
        began = threading.Event()
        tick = w.loop.tick
        monkeypatch.setattr(w.loop, "tick", lambda: (tick(), began.set())[0])
        thread = threading.Thread(target=w.loop.run, name="loop")
        thread.start()
        assert began.wait(30)
        try:
            with pytest.raises(OwnerError):
                touch(w)
        finally:
            w.loop.put(Halt())
            thread.join(30)
        touch(w)  # whoever takes it down
    assert len(list(tmp_path.iterdir())) == 1


def test_another_thread_that_writes_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(owner, "FOLDER", str(tmp_path))
    with Workshop() as w, w.writer.connection.owner:
        said = []

        def write():
            try:
                w.writer.connection.db.execute("select 1")
            except OwnerError as error:
                said.append(str(error))

        thread = threading.Thread(target=write, name="another")
        thread.start()
        thread.join()
    assert said == ["another touches the connection that writes, which another thread owns"]
