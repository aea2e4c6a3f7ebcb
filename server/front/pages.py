"""Django behind the front door: what a request opened is closed, however the request ends."""

from __future__ import annotations

import contextvars
from typing import IO, Any, Final

import msgspec
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase


class _Opened(msgspec.Struct):
    """What one request has open: the file of its body, its answer."""

    body: IO[bytes] | None = None
    answer: HttpResponseBase | None = None


_OPENED: Final = contextvars.ContextVar[_Opened]("opened")


class Pages(ASGIHandler):
    """Django's own handler, which leaves both open where somebody goes away in the middle of an answer."""

    async def read_body(self, receive: Any) -> IO[bytes]:  # noqa: ANN401 - ASGI's
        """Read a request's body, and remember the file."""
        body: IO[bytes] = await super().read_body(receive)
        _OPENED.get().body = body
        return body

    async def run_get_response(self, request: HttpRequest) -> Any:  # noqa: ANN401 - as Django's types have it
        """Make the answer, and remember it."""
        answer = await super().run_get_response(request)
        _OPENED.get().answer = answer
        return answer

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - likewise
        """Answer a request."""
        opened = _Opened()
        token = _OPENED.set(opened)
        try:
            await super().handle(scope, receive, send)
        finally:
            _OPENED.reset(token)
            if opened.body is not None:
                opened.body.close()
            if opened.answer is not None and not opened.answer.closed:
                await sync_to_async(opened.answer.close)()
