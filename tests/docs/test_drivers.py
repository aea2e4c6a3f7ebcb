"""The driver that docs/drivers.md tells to write: it is short, and it keeps its promises."""

import importlib.util
import re
from pathlib import Path

import pytest

from drivers.contracts import Card, Reader, ReaderLostError
from drivers.readers.presence import Presented, Removed, Watch
from simulator.line import Base, Line
from simulator.stage import until

PAGE = (Path(__file__).parent.parent.parent / "docs/drivers.md").read_text(encoding="utf-8")
UID = "04A3C6CAE26180"


class Board(Base):
    period = 0.05
    uid = ""

    def tick(self):
        if self.uid:
            self.line.send(f"{self.uid}\n".encode())


@pytest.fixture
def mine(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "mydrivers.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location("mydrivers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lines = [line for line in code.splitlines() if line.strip() and not line.strip().startswith(('"""', "#"))]
    assert len(lines) <= 40
    return module


def test_the_driver_of_the_page_sees_a_badge_come_and_go_and_is_lost_and_found(mine, tmp_path):
    board = Board()
    line = Line(tmp_path / "port", board)
    reader = mine.LineReader(mine.LineSettings(port=str(tmp_path / "port")))
    assert isinstance(reader, Reader)
    watch = Watch(reader)
    seen = []

    def sees(kind):
        seen.extend(watch.step()[0])
        return [event for event in seen if isinstance(event, kind)]

    until(lambda: watch.step()[0] or watch.present == frozenset(), "it begins", 10)
    board.uid = UID
    (presented,) = until(lambda: sees(Presented), "it is seen", 10)
    assert presented.card == Card(bytes.fromhex(UID))
    board.uid = ""
    until(lambda: sees(Removed), "it is gone", 10)
    line.send(f"{UID[:6]}\nZZ\n{UID}00\n".encode())  # neither half a number nor one too long is a badge
    line.unplug()
    with pytest.raises(ReaderLostError):
        until(lambda: reader.look() and False, "it is lost", 10)
    line.plug()
    assert reader.open()
    assert reader.look().cards == frozenset()
    watch.close()
    line.close()
