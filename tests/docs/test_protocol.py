"""The protocol's page says what the server reads."""

from pathlib import Path

import central  # noqa: F401 - Django is up by it

from server.journal import processing

PAGE = Path(__file__).parent.parent.parent / "docs/protocol.md"


def test_each_kind_of_entry_that_the_server_reads_is_on_the_page():
    kinds = set(processing._handlers) | {kind for kinds, _handler in processing._batch_handlers for kind in kinds}
    page = PAGE.read_text(encoding="utf-8")
    tags = {kind.__struct_config__.tag for kind in kinds}
    assert len(tags) > 10
    assert not {tag for tag in tags if f"`{tag}`" not in page}
