"""`loquet setup`: what is answered becomes a settings file that loads, and nothing is written before."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from controller.commands.setup import without_passwords
from controller.settings import load
from controller.setup import finding
from controller.setup.probing import kernel
from controller.setup.trying import whatever_ends_us
from simulator.attached import at_home
from simulator.stage import Stage

MARIE = "04A3C6CAE26180"
WOOD = Path(__file__).parents[3] / "config/demo-wood.toml"


@pytest.fixture
def stage(tmp_path):
    """A board with the wood shop's parts; what setup writes stands beside its settings."""
    config = tmp_path / "c.toml"
    config.write_text(at_home(WOOD.read_text(), tmp_path))
    with Stage(config) as made:
        made.start_board()
        yield made


def say(stage, *answers, config=None, code=0):
    config = config or stage.config.with_name("new.toml")
    done = stage.loquet("setup", "--config", str(config), text="\n".join(answers) + "\n")
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_first_machine_is_set_up_by_taking_every_proposal(stage):
    # language, time zone, id, name, reader, mode, chip select, RST, relay, active-low, pin, light, buzzer, another, try
    said = say(stage, "en", "", "laser", "", "rc522", "", "", "", "", "", "", "", "", "", "n")
    (station,) = load(stage.config.with_name("new.toml")).stations
    assert (station.machine, station.mode, station.reader.driver, station.relay.settings.pin) == (
        "laser",
        "tap",
        "rc522",
        17,
    )
    assert "loquet check" in said


def test_two_machines_on_other_hardware_get_ports_and_pins_that_nobody_else_has(stage):
    ports = {station.machine: station for station in stage.settings.stations}
    tags, plug = ports["saw"].reader.settings.port, ports["sander"].relay.settings.host
    say(
        stage,
        *("fr", "", "saw", "Scie", "rdm6300", "presence", tags, "shelly", plug, "", "y", "", "", "", "n"),
        *("y", "mill", "Fraiseuse", "rc522", "tap", "", "", "gpio", "y", "", "y", "", "", "", "n"),
        *("n", "n", "n"),
    )
    saw, mill = load(stage.config.with_name("new.toml")).stations
    assert (saw.reader.settings.port, saw.relay.settings.host) == (tags, plug)
    assert (mill.relay.settings.active_low, mill.mode) == (True, "tap")
    assert not set(saw.light.settings.pins().values()) & set(mill.light.settings.pins().values())
    text = stage.config.with_name("new.toml").read_text()
    assert 'language = "fr"' in text
    assert "sécurité" in text


def test_each_part_is_tried_and_a_badge_shows_its_number(stage):
    saw = stage.settings.station("saw")
    stage.lay("saw", "0CCAE26180")
    said = say(
        stage,
        *("en", "", "saw", "", "rdm6300", "presence", saw.reader.settings.port, "modbus", saw.relay.settings.port),
        *("1", "0", "", "", "", "y", "y", "y"),
    )
    assert "em4100:0CCAE26180" in said
    assert "for a second" in said
    line, _closed = stage.line("saw")
    assert [level for _at, number, level in stage.hand.do("history") if number == line] == [1, 0]


def test_an_older_file_is_kept_and_what_cannot_be_written_is_said_before_any_question(stage, tmp_path):
    config = tmp_path / "kept.toml"
    config.write_text("# mine\n")
    say(stage, "en", "", "laser", "", "rc522", "", "", "", "", "", "", "", "", "", "n", config=config)
    assert config.with_name("kept.toml.old").read_text() == "# mine\n"
    assert load(config).stations
    assert oct(config.stat().st_mode)[-3:] == "640"


def test_an_answer_that_is_none_is_asked_again_and_an_end_of_input_writes_nothing(stage):
    said = say(stage, "en", "", "LASER!", "laser", "", "17", "rc522", "", code=1)
    assert "Another one, please" in said
    assert "number from 1 to" in said
    assert not stage.config.with_name("new.toml").exists()


def test_what_is_connected_is_listed_by_names_that_stay(tmp_path):
    for name in ("serial/by-id/usb-1a86_USB_Serial-if00-port0", "serial/by-path/one", "serial/by-path/two"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    for tty in ("ttyUSB0", "ttyUSB1", "spidev0.0", "spidev0.1", "i2c-1"):
        (tmp_path / tty).touch()
    (tmp_path / "serial/by-id/usb-1a86_USB_Serial-if00-port0").symlink_to(tmp_path / "ttyUSB0")
    (tmp_path / "serial/by-path/one").symlink_to(tmp_path / "ttyUSB0")
    (tmp_path / "serial/by-path/two").symlink_to(tmp_path / "ttyUSB1")  # a second of the same make: no name of its own
    (tmp_path / "input/by-id").mkdir(parents=True)
    (tmp_path / "input/by-id/usb-Sycreader_USB_Reader-event-kbd").touch()
    found = finding.connected(tmp_path)
    assert [Path(each).name for each in found.spi] == ["spidev0.0", "spidev0.1"]
    assert [Path(each).name for each in found.serial] == ["usb-1a86_USB_Serial-if00-port0", "two"]
    assert [Path(each).name for each in found.keyboards] == ["usb-Sycreader_USB_Reader-event-kbd"]


def test_the_list_asks_nothing_and_is_json_for_scripts(stage):
    done = stage.loquet("setup", "--json")
    assert json.loads(done.stdout).keys() == {"spi", "serial", "keyboards", "i2c", "pcsc"}
    assert json.loads(done.stdout)["pcsc"] == ["ACS ACR122U"]
    assert "SPI" in stage.loquet("setup", "--list").stdout


@pytest.mark.parametrize(("kept", "ok", "warning"), [("Y", True, False), ("N", False, False), (None, True, True)])
def test_a_kernel_that_lets_pins_go_is_told_to_whoever_resumes(stage_folder, tmp_path, kept, ok, warning):
    stations = load(stage_folder / "demo.toml").stations
    if kept:
        path = tmp_path / "sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs"
        path.parent.mkdir(parents=True)
        path.write_text(f"{kept}\n")
    (found,) = kernel(stations, tmp_path)
    assert (found.ok, found.warning) == (ok, warning)
    assert list(kernel(stations[:1], tmp_path)) == [], "the laser does not resume"


def test_the_kernels_console_on_a_port_is_told(tmp_path):
    from drivers.bus.ports import console_on

    cmdline = tmp_path / "cmdline"
    cmdline.write_text("console=serial0,115200 console=tty1 root=/dev/mmcblk0p2")
    assert console_on("/dev/serial0", cmdline)
    assert not console_on("/dev/ttyUSB0", cmdline)
    assert not console_on("/dev/serial0", tmp_path / "none")


def test_a_relay_or_an_address_that_cannot_be_is_asked_again(stage):
    lcus = ["lcus", "/dev/ttyUSB9", "0", "9", "2"]
    plug = ["shelly", "http://192.168.1.9/", "192.168.1.9", ""]
    for relay in (lcus, plug):
        config = stage.config.with_name("again.toml")
        config.unlink(missing_ok=True)
        say(stage, "en", "", "saw", "", "rc522", "", "", "", *relay, *[""] * 3, "n", "n", "n", config=config)
        assert load(config).station("saw").relay.driver == relay[0]


@pytest.mark.parametrize("password", ["s3cret", "se,cr}et,h", r"a\"b, c}", "end\\\\"])
def test_no_part_of_a_password_is_shown_where_an_answer_was_wrong(password):
    said = f'relay = {{ driver = "shelly", host = "x", password = {json.dumps(password)} }}\nname = "saw"'
    assert without_passwords(said) == 'relay = { driver = "shelly", host = "x", password = "…" }\nname = "saw"'


def interrupted(number, opened):
    with whatever_ends_us():
        try:
            os.kill(os.getpid(), number)
        finally:
            opened.append(number)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_terminal_that_goes_away_in_the_middle_of_a_trial_leaves_by_the_way_that_opens(number):
    opened = []
    with pytest.raises(SystemExit):
        interrupted(number, opened)
    assert opened == [number]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_password_does_not_show_while_it_is_typed(stage):
    """On a real terminal."""
    far, near = pty.openpty()
    config = stage.config.with_name("new.toml")
    process = subprocess.Popen(
        [sys.executable, "-m", "controller", "setup", "--config", str(config)],
        env=stage.environment, stdin=near, stdout=near, stderr=near, close_fds=True, start_new_session=True,
    )  # fmt: skip
    os.close(near)
    answers = ["en", "", "sander", "", "rc522", "", "", "", "shelly", "192.168.1.9", "s3cret-word", "", "", "", "n"]
    said = b""
    waiting = iter(answers)
    while process.poll() is None:
        try:
            said += os.read(far, 4096)
        except OSError:
            break
        if said.rstrip(b"\n").endswith((b": ", b":")) and not said.endswith(b"\n"):
            answer = next(waiting, None)
            if answer is None:
                break
            os.write(far, answer.encode() + b"\n")
            said += b"\n"
    process.wait(30)
    os.close(far)
    assert b"s3cret-word" not in said
    assert 'password = "s3cret-word"' in config.read_text()
