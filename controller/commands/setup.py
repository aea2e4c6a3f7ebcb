"""`loquet setup`: a few questions, and a commented settings file; each part can be tried at once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

import click
import msgspec

from common.errors import LoquetError
from common.texts import LANGUAGES, N_, _, language, speak, translate
from controller.commands import options, stick_files
from controller.control import client
from controller.settings import Settings, load
from controller.setup import asking, finding, probing, trying
from drivers import registry
from drivers.bus.header import GOOD_FOR_RELAYS
from drivers.bus.plug_http import Host
from drivers.contracts import DriverError

ANOTHER: Final = N_("another: I type it")
MODES: Final = {
    "tap": N_("a tap on, another tap off"),
    "presence": N_("on while the badge lies there"),
    "timed": N_("a tap gives an hour, another one gives it anew"),
}
READERS: Final = {
    "rc522": N_("RC522, on the header's SPI pins (13.56 MHz, the cheap blue board)"),
    "pn532": N_("PN532, serial or on a USB adapter (13.56 MHz)"),
    "rdm6300": N_("RDM6300, serial (125 kHz)"),
    "id12la": N_("ID-12LA, serial (125 kHz)"),
    "keyboard": N_("a USB reader that types numbers like a keyboard"),
    "pcsc": N_("ACR122U or another PC/SC reader"),
    "wiegand": N_("a Wiegand reader, with or without keys (26, 34 or 37 bits)"),
}
OUTPUTS: Final = {
    "gpio": N_("a relay board on a pin of the header"),
    "lcus": N_("an LCUS relay on USB"),
    "modbus": N_("a relay on RS-485 (Modbus)"),
    "shelly": N_("a Shelly plug or relay (Plus, Pro, Gen3, Gen4)"),
    "tasmota": N_("a plug that runs Tasmota"),
}
CARDS: Final = {
    "em4100": N_("125 kHz tags (EM4100)"),
    "iso14443a": N_("13.56 MHz badges (MIFARE and the like)"),
    "hid": N_("HID's own (Prox, iCLASS)"),
}
TYPED: Final = {
    "hex": (N_("8 or 14 characters, 0-9 and A-F"), 'technology = "iso14443a", base = 16, length = [4, 7, 10]'),
    "decimal": (N_("10 digits, badges of 13.56 MHz"), 'technology = "iso14443a", base = 10, length = 4'),
    "tag": (N_("10 digits, badges of 125 kHz"), 'technology = "em4100", base = 10, length = 4'),
    "tag-hex": (N_("10 characters, 0-9 and A-F, badges of 125 kHz"), 'technology = "em4100", base = 16, length = 5'),
}
HEAD: Final = N_(
    "Loquet's settings, written by `loquet setup`. Every setting is explained in docs/settings.md.\n"
    "After a change: sudo systemctl restart loquet. Is all well? sudo loquet check\n"
    "Loquet decides who may use a machine. It is not a safety function: the emergency stop cuts the power without it."
)


class Answers:
    """What was answered so far, as lines of the file; and which pins and ports are taken."""

    def __init__(self, connected: finding.Connected) -> None:
        self.connected = connected
        self.lines: list[str] = []
        self.machines: list[str] = []
        self.taken: set[str] = set()

    def say(self, line: str = "", comment: str = "") -> None:
        """Write a line, its comment before it."""
        self.lines += [f"# {each}".rstrip() for each in comment.splitlines()]
        self.lines.append(line)


@click.command(
    help=_(
        "Set a controller up: answer a few questions, get a commented settings file, try each part.\n\n"
        "It finds what is connected, and proposes what works most often: Enter takes the proposal. Nothing is written "
        "before the end, and an older file is kept beside the new one as FILE.old.\n\n"
        "\b\n"
        "  sudo loquet setup\n"
        "  loquet setup --list       only show what is connected"
    )
)
@options.config
@click.option("--list", "only_list", is_flag=True, help=_("Show what is connected, ask nothing, write nothing."))
@options.as_json
def setup(config: Path, only_list: bool, as_json: bool) -> None:
    """Ask, write, try."""
    connected = finding.connected()
    if only_list or as_json:
        _list(connected, as_json=as_json)
        return
    folder = next(each for each in config.absolute().parents if each.exists())
    if not os.access(folder, os.W_OK) or (config.exists() and not os.access(config, os.W_OK)):
        raise click.ClickException(
            _(
                "{path} cannot be written by this user; put sudo before the command, or name another with --config"
            ).format(path=config)
        )
    _tell_of_copies()
    answers = Answers(connected)
    chosen = asking.choose(_("Language of messages and displays"), {each: each for each in LANGUAGES}, language())
    speak(chosen)
    answers.say(comment=_(HEAD))
    answers.say("[controller]")
    answers.say(f'language = "{chosen}"')
    zone = asking.text(_("Time zone"), "Europe/Paris")
    answers.say(f"timezone = {_quoted(zone)}")
    while True:
        _station(answers)
        if not asking.yes(_("Is there another machine on this Raspberry Pi?"), default=False):
            break
    settings = _checked(answers, config)
    _write(answers, config)
    click.echo(_("Written: {path}").format(path=config))
    _try_all(settings)
    click.echo()
    click.echo(_("Next: sudo loquet check; sudo systemctl restart loquet; let people in: loquet whitelist --help"))


def _tell_of_copies() -> None:
    """Report that a stick holds a copy of a controller that was: a new card takes over from it alone."""
    for stick in stick_files.sticks():
        for path, header in stick_files.files(stick):
            if header.loquet == "copy":
                click.echo(
                    _(
                        "On the stick there is a copy of a controller ({path}). To take over from it on this card: "
                        "finish here, then `sudo loquet stick recover CODE`, with the code that was written down."
                    ).format(path=path)
                )


def _list(connected: finding.Connected, *, as_json: bool) -> None:
    found = msgspec.to_builtins(connected)
    if as_json:
        options.show_json(found)
        return
    named = {
        "spi": _("SPI (RC522)"),
        "serial": _("serial ports"),
        "keyboards": _("USB readers that type"),
        "i2c": _("I²C (displays)"),
        "pcsc": _("PC/SC readers"),
    }
    options.show_table([[named[key], "\n".join(values) or "-"] for key, values in found.items()], ["", _("found")])
    if not connected.spi:
        click.echo(_("SPI is off: `sudo raspi-config`, Interface Options, SPI; then restart."))


# --- asking ---


def _quoted(text: str) -> str:
    """Write a text as TOML does."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _port(question: str, found: list[str], answers: Answers, *, shared: bool = False, default: str = "") -> str:
    """Ask for a port: one of those that are there and free, or one that is typed."""
    free = [each for each in found if shared or each not in answers.taken]
    if free:
        chosen = asking.choose(question, {**{each: each for each in free}, "": ANOTHER}, free[0])
    else:
        click.echo(_("{what}: none found. Plug it in and begin again, or type where it will be.").format(what=question))
        chosen = ""
    port = chosen or asking.text(question, default)
    answers.taken.add(port)
    return port


def _pin(question: str, good: tuple[int, ...], answers: Answers) -> int:
    """Ask for a pin that is not taken."""
    free = [pin for pin in good if f"GPIO {pin}" not in answers.taken]
    while True:
        pin: int = click.prompt(question, type=click.IntRange(0, 27), default=free[0] if free else None)
        if f"GPIO {pin}" not in answers.taken:
            answers.taken.add(f"GPIO {pin}")
            return pin
        click.echo(_("GPIO {pin} is taken already.").format(pin=pin))


# --- one machine ---


def _station(answers: Answers) -> None:
    click.echo()
    proposed = f"machine-{len(answers.machines) + 1}"
    while True:
        machine = asking.text(_("Short id of the machine (a-z, 0-9, -)"), proposed).lower()
        if machine not in answers.machines and machine.replace("-", "").isalnum() and machine.isascii():
            break
        click.echo(_("Another one, please: small letters, digits and hyphens, and each machine has its own."))
    answers.machines.append(machine)
    name = asking.text(_("Its name, as people call it"), machine)
    reader = asking.choose(_("Its reader"), READERS, _likely(answers))
    senses = registry.find("readers", reader).senses_presence
    modes = {mode: text for mode, text in MODES.items() if senses or mode != "presence"}
    mode = asking.choose(_("How it is used"), modes, "tap")
    answers.say()
    answers.say("[[station]]")
    answers.say(f"machine = {_quoted(machine)}")
    answers.say(f"name = {_quoted(name)}")
    answers.say(f'mode = "{mode}"', _(MODES[mode]))
    if mode == "timed":
        answers.say('period = "1 h"')
    answers.say('longest = "4 h"', _("no session is longer, whoever forgets to tap out"))
    answers.say(f'reader = {{ driver = "{reader}"{_reader(reader, answers)} }}', _(READERS[reader]))
    keyed = getattr(registry.find("readers", reader), "has_keys", False)
    if keyed and asking.yes(_("Has it keys, and does everybody type a PIN after the badge?"), default=False):
        answers.say("pin = true", _("give each member one: loquet pin set MEMBER"))
    output = asking.choose(_("What switches it"), OUTPUTS, "gpio")
    answers.say(f'relay = {{ driver = "{output}"{_output(output, answers)} }}', _(OUTPUTS[output]))
    if asking.yes(_("Has it an RGB light on the header?"), default=False):
        pins = [_pin(_("Pin of {colour}").format(colour=each), (22, 23, 24, 5, 6, 13), answers) for each in _colours()]
        answers.say(f'light = {{ driver = "rgb", red = {pins[0]}, green = {pins[1]}, blue = {pins[2]} }}')
    if asking.yes(_("Has it a buzzer on the header?"), default=False):
        pin = _pin(_("Pin of the buzzer"), (26, 16, 12), answers)
        answers.say(f'buzzer = {{ driver = "gpio", pin = {pin} }}')


def _colours() -> tuple[str, ...]:
    return _("red"), _("green"), _("blue")


def _likely(answers: Answers) -> str:
    """Guess which reader there is, by what is connected."""
    found = answers.connected
    if found.pcsc:
        return "pcsc"
    if found.keyboards:
        return "keyboard"
    return "pn532" if found.serial and not found.spi else "rc522"


def _reader(driver: str, answers: Answers) -> str:
    """Ask what a reader needs; return its keys."""
    match driver:
        case "rc522":
            device = 1 if "SPI 0" in answers.taken else 0
            device = asking.number(_("Chip select: 0 (CE0, GPIO 8) or 1 (CE1, GPIO 7)"), device, 0, 1)
            answers.taken.add(f"SPI {device}")
            reset = _pin(_("Pin of its RST"), (25, 16, 12), answers)
            return f", bus = 0, device = {device}, reset_pin = {reset}"
        case "keyboard":
            port = _port(_("Device of the reader"), answers.connected.keyboards, answers)
            typed = asking.choose(
                _("What it types of a badge"), {name: text for name, (text, _keys) in TYPED.items()}, "hex"
            )
            return f", port = {_quoted(port)}, {TYPED[typed][1]}"
        case "wiegand":
            d0, d1 = (_pin(_("Pin of {line}").format(line=line), (5, 6, 12, 13, 16), answers) for line in ("D0", "D1"))
            bits = asking.choose(_("How many bits it sends"), {"26": "26", "34": "34", "37": "37"}, "26")
            cards = asking.choose(_("Which badges it reads"), CARDS, "hid" if bits == "37" else "em4100")
            return f', d0 = {d0}, d1 = {d1}, bits = {bits}, technology = "{cards}"'
        case "pcsc":
            name = _port(_("Name of the reader"), answers.connected.pcsc, answers)
            return f", name = {_quoted(name)}"
        case _:
            question = _("Serial port of the reader")
            port = _port(question, answers.connected.serial, answers, default="/dev/serial0")
            return f", port = {_quoted(port)}"


def _output(driver: str, answers: Answers) -> str:
    """Ask what a relay needs; return its keys."""
    match driver:
        case "gpio":
            low = asking.yes(_("Does the board switch on when its input is LOW (active-low)?"), default=False)
            pin = _pin(_("Pin of the relay"), GOOD_FOR_RELAYS[low], answers)
            return f", pin = {pin}" + (", active_low = true" if low else "")
        case "lcus":
            port = _port(_("Serial port of the relay"), answers.connected.serial, answers, shared=True)
            relay = asking.number(_("Which relay of the board, from 1"), 1, 1, 8)
            answers_back = asking.yes(_("Does the board answer (of a later make)? If in doubt: no"), default=False)
            return f", port = {_quoted(port)}, relay = {relay}" + (", answers = true" if answers_back else "")
        case "modbus":
            port = _port(_("Serial port of the RS-485 adapter"), answers.connected.serial, answers, shared=True)
            unit = asking.number(_("Its unit number"), 1, 1, 247)
            coil = asking.number(_("Which relay of the unit, from 0"), 0, 0, 255)
            return f", port = {_quoted(port)}, unit = {unit}, coil = {coil}"
        case _:
            host = asking.fitting(
                _("Its address, as 192.168.1.61 (a fixed one, from the router)"),
                Host,
                _("An address or a name alone, without http:// and without anything behind it."),
            )
            password = click.prompt(_("Its password, if it has one"), default="", show_default=False, hide_input=True)
            return f", host = {_quoted(host)}" + (f", password = {_quoted(password)}" if password else "")


# --- writing and trying ---


def _checked(answers: Answers, config: Path) -> Settings:
    """Read what would be written, before it is. Raises SettingsError."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.toml"
        draft.write_text("\n".join(answers.lines) + "\n", encoding="utf-8")
        try:
            return msgspec.structs.replace(load(draft), path=config)
        except LoquetError:
            click.echo(without_passwords("\n".join(answers.lines)), err=True)  # nothing that was answered is lost
            raise


def without_passwords(said: str) -> str:
    """Leave the passwords out of settings that are shown."""
    return re.sub(r'password = "(?:[^"\\]|\\.)*"', 'password = "…"', said)


def _write(answers: Answers, config: Path) -> None:
    """Put the file in place whole; an older one is kept. It may hold a plug's password: not for everybody's eyes."""
    config.parent.mkdir(parents=True, exist_ok=True)
    draft = config.with_name(f"{config.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(0o600)
    draft.write_text("\n".join(answers.lines) + "\n", encoding="utf-8")
    draft.chmod(0o640)
    with contextlib.suppress(LookupError, OSError):
        shutil.chown(draft, group="loquet")  # the daemon's
    if config.exists():
        kept = config.stat()
        with contextlib.suppress(PermissionError):
            os.chown(draft, kept.st_uid, kept.st_gid)
        old = config.with_name(f"{config.name}.old")
        old.unlink(missing_ok=True)
        try:
            old.hardlink_to(config)
        except OSError:  # a file system without links
            config.replace(old)
    draft.replace(config)


def _try_all(settings: Settings) -> None:
    link = client.connect(settings)
    if link is not None:
        link.close()
        click.echo(_("The controller runs and has the parts: stop it to try them (sudo systemctl stop loquet)."))
        return
    for station in settings.stations:
        if not asking.yes(_("Try the parts of {machine} now?").format(machine=station.machine), default=True):
            continue
        for name, part in station.parts():
            for found in probing.part(f"{station.machine}, {name}", probing.kind_of(station, name), part):
                click.echo(f"  {found.part}: {'' if found.ok else _('WRONG') + ': '}{found.found}")
        for act in (
            trying.reader_shows_a_badge,
            lambda each: trying.relay_closes_for_a_second(each, settings.run_dir),
            trying.light_shows_colours,
        ):
            try:
                act(station)
            except (DriverError, ImportError) as error:
                click.echo("  " + (translate(error) if isinstance(error, DriverError) else str(error)))
