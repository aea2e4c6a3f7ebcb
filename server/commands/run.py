"""`loquet server run`."""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import gc
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from common.errors import LoquetError
from common.texts import N_, _
from server.commands.begin import make_files, migrate

if TYPE_CHECKING:
    import socket
    import ssl

    from server.core.configuration import Configuration

BUFFER: Final = 32_768
BACKLOG: Final = 2_048  # connections that wait to be taken: a whole network comes back at once
HEAD: Final = 16_384  # bytes of a request's line and headers


class ListenError(LoquetError, OSError):
    """An address at which the server cannot listen."""


@click.command(help=_("Run the server until it is stopped. What init makes, it makes where it is missing."))
def run() -> None:
    """Run the server."""
    configuration = make_files()
    from server.accounts import first_visit  # noqa: PLC0415 - see the package's docstring
    from server.core import keys, running  # noqa: PLC0415

    with running.together(configuration.data_dir):
        migrate()
        mine = keys.load(configuration.data_dir)
        running.hold_to_keys(mine)
        link = first_visit.link(configuration) or configuration.link
        asyncio.run(_serve(configuration, mine, link))


async def _serve(configuration: Configuration, mine: Any, link: str) -> None:  # noqa: ANN401 - keys, imported late
    import uvicorn  # noqa: PLC0415

    from server.asgi import application  # noqa: PLC0415
    from server.front.connections import Connections  # noqa: PLC0415

    # asyncio keeps a buffer of 256 kB for each encrypted connection: a thousand controllers would fill a Pi with them.
    asyncio.sslproto.SSLProtocol.max_size = BUFFER
    open_ones = Connections()
    listening = _listen(configuration, open_ones)
    files = _certificate(configuration)
    settings = uvicorn.Config(
        application(configuration, mine, connections=open_ones),
        log_level="warning",
        access_log=False,
        server_header=False,
        http="h11",
        h11_max_incomplete_event_size=HEAD,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
        proxy_headers=False,  # they are read once it is known from whom the connection comes
        ssl_certfile=files[0] if files else None,
        ssl_keyfile=files[1] if files else None,
    )
    settings.load()
    beside = [asyncio.create_task(each) for each in _watched(settings.ssl, files)]
    click.echo(_("open {link}").format(link=link))
    sys.stdout.flush()
    gc.collect()
    gc.freeze()  # what is there by now stays: a sheet of thousands is not slowed by looking at it again and again
    await uvicorn.Server(settings).serve(sockets=listening)
    for each in beside:
        each.cancel()


def _listen(configuration: Configuration, open_ones: Any) -> list[socket.socket]:  # noqa: ANN401 - imported late
    from server.front.connections import listen  # noqa: PLC0415

    table = configuration.server
    try:
        return listen(table.listen, table.port, open_ones, BACKLOG)
    except OSError as error:
        raise ListenError(
            N_(
                "cannot listen at {host}, port {port}: {error}. Does something else listen there? [server], port names "
                "another"
            ),
            host=table.listen,
            port=table.port,
            error=error.strerror or error,
        ) from error


def _certificate(configuration: Configuration) -> tuple[Path, Path] | None:
    from server.core import tls  # noqa: PLC0415
    from server.core.configuration import Certificate  # noqa: PLC0415

    table = configuration.server
    if table.certificate is Certificate.OWN:
        return configuration.data_dir / tls.FILE, configuration.data_dir / tls.FILE
    if table.certificate is Certificate.FILES:
        return Path(table.certificate_file), Path(table.key_file)
    return None


def _watched(context: ssl.SSLContext | None, files: tuple[Path, Path] | None) -> list[Coroutine[Any, Any, None]]:
    """Have a renewed certificate be served: one that is found, or at once on SIGHUP, as `systemctl reload` sends it."""
    from server.front.certificates import Served  # noqa: PLC0415

    served = None if context is None or files is None else Served(context, *files)

    def again() -> None:
        if served is not None:
            served.look(again=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, again)
    return [] if served is None else [served.run()]
