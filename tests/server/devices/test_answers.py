"""How answers go out: whole, and never in one large write, whose buffer TLS would keep while the line is held."""

import asyncio

import central
import pytest

PIECE = 32_768
UP = central.configuration  # Django is up by then


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 7])
def test_an_answer_goes_out_whole_and_in_pieces(size):
    from server.devices.api.app import _InPieces

    body = bytes(range(256)) * (size // 256 + 1)
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(_InPieces(body[:size], 200, {"x": "y"}, "application/json")({}, None, send))
    head, *pieces = sent
    assert (b"content-length", str(size).encode()) in head["headers"]
    assert b"".join(each["body"] for each in pieces) == body[:size]
    assert max(len(each["body"]) for each in pieces) <= PIECE
    assert [each["more_body"] for each in pieces] == [True] * (len(pieces) - 1) + [False]
