"""`loquet demo`: the workbench, a page in the browser of this machine."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import webbrowser
from typing import Any, Final

import click

from common.texts import _

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 8015
LASER: Final = "Laser & 3D"
WOOD: Final = "Atelier bois"


@click.command(
    help=_(
        "Play with Loquet without any hardware: a page in your browser, with two machines, badges to lay on their "
        "readers, and all that goes wrong in real workshops.\n\n"
        "Chips, cards and pins are simulated; the daemon and its guard are the ones that ship, with their own journal "
        "in a folder that is deleted at the end. Only this machine can open the page."
    )
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help=_("0 takes any that is free.")
)
@click.option("--no-server", is_flag=True, help=_("One controller alone, as without a central server."))
@click.option("--no-browser", is_flag=True, help=_("Print the address, and open nothing."))
def demo(port: int, no_server: bool, no_browser: bool) -> None:
    """Play."""
    try:
        import uvicorn  # noqa: PLC0415 - the workbench is an extra, and so is what it needs

        from simulator.central import Central, CentralError  # noqa: PLC0415
        from simulator.stage import StageError  # noqa: PLC0415
        from simulator.workbench.page import application  # noqa: PLC0415
        from simulator.workbench.scene import Scene  # noqa: PLC0415
    except ImportError as error:
        raise click.ClickException(
            _('the workbench needs "{module}": pip install "loquet[workbench]", or make demo').format(module=error.name)
        ) from error
    listener = _listen(port)
    address = f"http://{LOOPBACK}:{listener.getsockname()[1]}/"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A terminal that is closed: board, guard and daemon end with us, in good order as at SIGTERM.
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    click.echo(_("Starting a simulated board, loquet-guard and the controller ..."))
    try:
        with contextlib.ExitStack() as stage:
            stage.enter_context(contextlib.suppress(KeyboardInterrupt))
            stage.enter_context(listener)
            others: dict[str, str] = {}
            uplink = None
            if not no_server:
                click.echo(_("Starting the central server and a second controller ..."))
                central = stage.enter_context(Central())
                uplink = central.uplinks[LASER]
                second = stage.enter_context(Scene("demo-wood.toml", central.uplinks[WOOD]))
                other = stage.enter_context(_listen(0))
                wood = f"http://{LOOPBACK}:{other.getsockname()[1]}/"
                _serve(application(second, {LASER: address}), other)
                others = {WOOD: wood}
                click.echo(
                    _("The server's pages: {address}   (log in as {user}, password {password})").format(
                        address=uplink.pages, user=uplink.user, password=uplink.password
                    )
                )
                click.echo(_("The second controller's workbench: {address}").format(address=wood))
            scene = stage.enter_context(Scene(uplink=uplink))
            click.echo(_("The workbench: {address}   (Ctrl-C ends it)").format(address=address))
            if not no_browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            quiet = uvicorn.Config(application(scene, others), log_level="warning", timeout_graceful_shutdown=1)
            uvicorn.Server(quiet).run(sockets=[listener])
    except (StageError, CentralError) as error:
        raise click.ClickException(str(error)) from error


def _serve(page: Any, listener: socket.socket) -> None:  # noqa: ANN401 - a Starlette
    """Serve a second page beside."""
    import uvicorn  # noqa: PLC0415

    class Beside(uvicorn.Server):
        def install_signal_handlers(self) -> None:
            """Leave signals to the first."""

    server = Beside(uvicorn.Config(page, log_level="warning", timeout_graceful_shutdown=1))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen()  # from now on: a browser that is quicker than the page waits
    except OSError as error:
        listener.close()
        raise click.ClickException(
            _("port {port} is taken ({error}); is the workbench open already? Another: loquet demo --port 0").format(
                port=port, error=error.strerror
            )
        ) from error
    return listener
