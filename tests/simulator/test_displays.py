"""The displays, below the real luma.oled and RPLCD: what was drawn and written is what somebody reads."""

import errno
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.board import Board
from simulator.hand import Hand
from simulator.hd44780 import HD44780, ROM_A00
from simulator.ssd1306 import SSD1306
from simulator.stage import LIFELINE

# luma.oled 3.16 calls what Pillow 14 will no longer have.
pytestmark = pytest.mark.filterwarnings("ignore:Image.Image.getdata is deprecated:DeprecationWarning")
OLED = {"bus": 1, "address": 0x3C}
LCD = {"bus": 1, "address": 0x27}
DARK = [0] * 64
LIT = [(1 << 128) - 1] * 64
UPRIGHT = bytes((0x00, 0x8D, 0x14, 0xA1, 0xC8, 0xAF))


def pixels(board):
    """What the display on the board shows, as rows of 128 bits."""
    return [int(row, 16) for row in board.hand.do("display", **OLED)["pixels"]]


def rows_of(image):
    """An image's rows as the display gives its own."""
    width, height = image.size
    return [int("".join("1" if image.getpixel((x, y)) else "0" for x in range(width)), 2) for y in range(height)]


def write(board, message):
    """Write to the OLED as a driver without a library would."""
    assert board.board.i2c(1, 0x3C, message)


@pytest.fixture
def oled_board(board):
    board.board.add_display(kind="ssd1306", **OLED)
    return board


@pytest.fixture
def luma(oled_board):
    """The real driver of luma.oled, by the stand-in of smbus2."""
    from luma.core.interface.serial import i2c
    from luma.oled.device import ssd1306

    serial = i2c(port=1, address=0x3C)
    yield ssd1306(serial)
    serial.cleanup()


@pytest.fixture
def lcd(request, board):
    """The real RPLCD on a display of 20 × 4 or what the test asks for; and the board."""
    from RPLCD.i2c import CharLCD

    columns, rows = getattr(request, "param", (20, 4))
    board.board.add_display(kind=f"lcd{columns:02}{rows:02}", **LCD)
    opened = []

    def make():
        opened.append(CharLCD("PCF8574", 0x27, port=1, cols=columns, rows=rows, charmap="A00"))
        return opened[-1]

    yield make, board
    for each in opened:
        each.bus.close()


def read(board):
    """The rows of the LCD as somebody reads them."""
    return board.hand.do("display", **LCD)["lines"]


class TestOLED:
    def test_what_luma_draws_is_lit_dot_for_dot(self, oled_board, luma, rng):
        from PIL import Image

        image = Image.new("1", (128, 64))
        image.putdata([rng.randrange(2) * 255 for _ in range(128 * 64)])
        luma.display(image)
        assert pixels(oled_board) == rows_of(image)

    def test_a_text_is_where_it_was_put_and_nowhere_else(self, oled_board, luma):
        from luma.core.render import canvas

        with canvas(luma) as draw:
            draw.text((2, 40), "Laser", fill="white")
        shown = pixels(oled_board)
        assert any(shown[40:56])
        assert not any(shown[:40] + shown[56:])
        assert all(row >> (128 - 60) << (128 - 60) == row for row in shown)

    def test_turned_by_the_library_it_is_upside_down(self, oled_board):
        from luma.core.interface.serial import i2c
        from luma.oled.device import ssd1306
        from PIL import Image

        serial = i2c(port=1, address=0x3C)
        device = ssd1306(serial, rotate=2)
        image = Image.new("1", (128, 64))
        image.putpixel((3, 5), 255)
        device.display(image)
        serial.cleanup()
        assert pixels(oled_board) == rows_of(image.rotate(180))

    def test_hidden_it_is_dark_and_shown_again_it_kept_its_picture(self, oled_board, luma):
        from PIL import Image

        luma.display(Image.new("1", (128, 64), 1))
        luma.hide()
        assert pixels(oled_board) == DARK
        luma.show()
        assert pixels(oled_board) == LIT

    def test_the_contrast_is_what_was_set(self, oled_board, luma):
        luma.contrast(17)
        assert oled_board.hand.do("display", **OLED)["contrast"] == 17

    def test_before_anybody_set_it_up_it_is_dark_and_its_memory_holds_dirt(self, oled_board):
        assert pixels(oled_board) == DARK
        write(oled_board, UPRIGHT)
        assert pixels(oled_board) not in (DARK, LIT)

    def test_without_its_charge_pump_it_is_dark(self, oled_board, luma):
        luma.command(0xA5)
        assert pixels(oled_board) == LIT
        luma.command(0x8D, 0x10)
        assert pixels(oled_board) == DARK

    def test_inverted_lit_is_dark(self, oled_board, luma):
        luma.command(0xA7)
        assert pixels(oled_board) == LIT

    def test_the_scan_turns_what_is_there_and_the_segments_what_is_written_after(self, oled_board, luma):
        write(oled_board, bytes((0x40, 0x01)))
        assert pixels(oled_board) == [1 << 127, *DARK[1:]]
        luma.command(0xC0)
        assert pixels(oled_board) == [*DARK[1:], 1 << 127]
        luma.command(0xA0)
        assert pixels(oled_board) == [*DARK[1:], 1 << 127]
        luma.command(0x21, 0, 127, 0x22, 0, 7)
        write(oled_board, bytes((0x40, 0x01)))
        assert pixels(oled_board) == [*DARK[1:], 1 << 127 | 1]

    @pytest.mark.parametrize("command", [(0x48,), (0xD3, 8)], ids=["start line", "offset"])
    def test_the_picture_moves_by_eight_lines(self, oled_board, luma, command):
        from PIL import Image

        image = Image.new("1", (128, 64))
        image.putpixel((0, 20), 255)
        luma.display(image)
        luma.command(*command)
        up = command == (0x48,)  # the offset moves toward COM0, at the lower edge
        assert pixels(oled_board).index(1 << 127) == (12 if up else 28)

    def test_lines_beyond_the_multiplex_ratio_stay_dark(self, oled_board, luma):
        luma.command(0xA5)
        luma.command(0xA8, 31)
        assert pixels(oled_board) == DARK[:32] + LIT[:32]

    def test_with_fewer_lines_the_picture_begins_at_the_last_of_them(self, oled_board, luma):
        write(oled_board, bytes((0x40, 0x01)))
        luma.command(0xA8, 31)
        assert pixels(oled_board) == [*DARK[:32], 1 << 127, *DARK[33:]]

    def test_what_is_for_the_other_addressing_mode_moves_nothing(self, oled_board, luma):
        luma.command(0xB3, 0x05, 0x11)
        write(oled_board, bytes((0x40, 0x01)))
        assert pixels(oled_board)[0] == 1 << 127
        luma.command(0x20, 0x02, 0xB1, 0x00, 0x10, 0x21, 9, 12, 0x22, 5, 6)
        write(oled_board, bytes((0x40, 0x01)))
        assert pixels(oled_board)[8] == 1 << 127

    def test_by_pages_a_row_is_written_where_its_page_and_column_say(self, oled_board, luma):
        luma.command(0x20, 0x02)
        luma.command(0xB3, 0x05, 0x11)
        write(oled_board, bytes((0x40, 0x80, 0x80)))
        shown = pixels(oled_board)
        assert shown[31] == 0b11 << (128 - 0x15 - 2)
        assert sum(map(int.bit_count, shown)) == 2

    def test_by_pages_the_end_of_a_row_leads_back_into_it(self, oled_board, luma):
        luma.command(0x20, 0x02)
        luma.command(0xB0, 0x0F, 0x17)
        write(oled_board, bytes((0x40, 0x01, 0x03)))
        assert pixels(oled_board)[:2] == [1, 1]

    def test_vertically_a_window_fills_column_by_column(self, oled_board, luma):
        luma.command(0x20, 0x01, 0x21, 10, 11, 0x22, 2, 3)
        write(oled_board, bytes((0x40, 0x01, 0x02, 0x04, 0x08, 0x80)))
        left, right = 1 << (127 - 10), 1 << (127 - 11)
        shown = pixels(oled_board)
        assert {at: row for at, row in enumerate(shown) if row} == {23: left, 25: left, 18: right, 27: right}

    def test_every_command_may_be_a_write_of_its_own_and_so_may_its_arguments(self, oled_board, luma):
        for byte in (0x81, 99, 0x20, 0x00, 0x21, 4, 5, 0x22, 1, 1):
            luma.command(byte)
        write(oled_board, bytes((0xC0, 0x01, 0x80, 0xA7, 0x80, 0xA6, 0x40, 0x01)))  # one byte at a time, then the rest
        assert pixels(oled_board)[8] == 0b11 << (128 - 4 - 2)
        assert oled_board.hand.do("display", **OLED)["contrast"] == 99

    @pytest.mark.parametrize(
        "message",
        [
            *(f"{command} a7" for command in ("d5", "d9", "da", "db", "23", "d6", "ad")),
            *(f"{command} a7 a7 a7 a7 a7 a7" for command in ("26", "27", "2c", "2d")),
            *(f"{command} a7 a7 a7 a7 a7" for command in ("29", "2a")),
            *("a3 a7 a7", "2e", "2f", "e3", "ff"),
        ],
    )
    def test_what_it_ignores_it_ignores_with_its_arguments(self, oled_board, luma, message):
        from PIL import Image

        luma.display(Image.new("1", (128, 64), 1))
        luma.command(*bytes.fromhex(message))
        assert pixels(oled_board) == LIT
        luma.command(0x81, 5)
        assert oled_board.hand.do("display", **OLED)["contrast"] == 5


class TestLCD:
    def test_before_anybody_set_it_up_every_other_row_is_blocks(self, lcd):
        _make, board = lcd
        assert read(board) == ["█" * 20, " " * 20] * 2

    def test_each_of_four_rows_holds_its_text(self, lcd):
        make, board = lcd
        make().write_string("Laser is free\r\nLay your badge here\r\nthird\r\nthe last of the rows")
        assert read(board) == [
            "Laser is free       ",
            "Lay your badge here ",
            "third               ",
            "the last of the rows",
        ]

    @pytest.mark.parametrize("lcd", [(16, 2)], indirect=True)
    def test_on_two_rows_it_reads_as_well(self, lcd):
        make, board = lcd
        assert read(board) == ["█" * 16, " " * 16]
        make().write_string("Marie\r\n1 h 20 min")
        assert read(board) == ["Marie           ", "1 h 20 min      "]

    def test_what_its_rom_has_beyond_ascii_is_read_as_such(self, lcd):
        make, board = lcd
        make().write_string("21°C → 5 µg".replace("µ", "μ") + " ñäöü÷Ω")
        assert read(board)[0] == "21°C → 5 μg ñäöü÷Ω  "

    def test_a_custom_character_is_told_by_its_number_and_its_dots(self, lcd):
        make, board = lcd
        display = make()
        acute = (0b00010, 0b00100, 0b01110, 0b10001, 0b11111, 0b10000, 0b01110, 0)
        display.create_char(3, acute)
        display.write_string("Caf\x03")
        assert read(board)[0].rstrip() == "Caf\ue003"
        shown = board.hand.do("display", **LCD)
        assert bytes.fromhex(shown["glyphs"][3]) == bytes(acute)

    def test_switched_off_it_is_empty_and_on_again_it_kept_its_text(self, lcd):
        make, board = lcd
        display = make()
        display.write_string("Laser")
        display.display_enabled = False
        assert read(board) == [" " * 20] * 4
        display.display_enabled = True
        assert read(board)[0].rstrip() == "Laser"

    def test_the_backlight_goes_off_and_on_and_the_text_stays(self, lcd):
        make, board = lcd
        display = make()
        display.write_string("Laser")
        for lit in (False, True):
            display.backlight_enabled = lit
            shown = board.hand.do("display", **LCD)
            assert (shown["backlight"], shown["lines"][0].rstrip()) == (lit, "Laser")

    def test_shifted_its_rows_run_round_over_forty_characters(self, lcd):
        make, board = lcd
        display = make()
        display.write_string("Laser")
        display.shift_display(-2)
        assert read(board)[:3] == ["ser".ljust(20), " " * 20, " " * 18 + "La"]
        display.shift_display(3)
        assert read(board)[0].rstrip() == " Laser"
        display.home()
        assert read(board)[0].rstrip() == "Laser"

    def test_from_right_to_left_it_writes_backward(self, lcd):
        make, board = lcd
        display = make()
        display.text_align_mode = "right"
        display.cursor_pos = (1, 19)
        display.write_string("abc")
        assert read(board)[1] == "cba".rjust(20)

    def test_a_text_that_shifts_the_display_keeps_its_end_in_view(self, lcd):
        make, board = lcd
        display = make()
        display.cursor_pos = (0, 19)
        display.write_shift_mode = "display"
        display.write(ord("a"))
        assert read(board)[0] == "a".rjust(19) + " "

    @pytest.mark.parametrize("halves", [0, 1], ids=["whole bytes", "half a byte"])
    def test_set_up_again_after_a_program_died_in_the_middle_it_reads_well(self, lcd, halves):
        make, board = lcd
        make().write_string("before")
        for port in (0x4D, 0x49)[: 2 * halves]:  # E high, E low: the upper half of a letter
            assert board.board.i2c(1, 0x27, bytes((port,)))
        make().write_string("after")
        assert read(board) == ["after".ljust(20), *[" " * 20] * 3]

    def test_reading_it_changes_nothing_but_where_it_goes_on(self, lcd):
        make, board = lcd
        display = make()
        address = (0x0E, 0x0A, 0x1E, 0x1A)  # E high, E low, twice: the busy flag; were it a write, it would clear
        text = (0x4F, 0x4B, 0x1F, 0x1B)  # a character
        display.write_string("La")
        assert board.board.i2c(1, 0x27, bytes(address + text))
        display.write_string("ser")
        assert read(board)[0].rstrip() == "La ser"


class TestHalves:
    def test_the_first_half_sent_after_power_on_is_a_whole_instruction_with_its_open_wires_high(self):
        display = HD44780(16, 2)
        display.write(bytes((0x24, 0x20)))  # function set: 4 bits, and two lines by the open wires
        assert display.lines() == [" " * 16] * 2

    def test_what_counts_is_what_stands_before_enable_falls(self):
        display = HD44780(16, 2)
        halves = (0x20, 0x20, 0x80, 0x00, 0xC0)  # 4 bits; two lines; display on
        display.write(bytes(port for half in halves for port in (half | 0x04, half)))
        display.write(bytes((0x95, 0x45, 0x91, 0x35, 0x15, 0x21)))
        assert display.lines()[0] == "A".ljust(16)


class TestCables:
    def test_unplugged_luma_finds_no_device_and_data_meets_an_io_error(self, oled_board, luma):
        from luma.core.error import DeviceNotFoundError

        oled_board.hand.do("unplug", **OLED)
        assert pixels(oled_board) == DARK
        with pytest.raises(DeviceNotFoundError, match="0x3C"):
            luma.show()
        with pytest.raises(OSError) as raised:
            luma.data([0])
        assert raised.value.errno == errno.EREMOTEIO

    def test_plugged_in_again_it_is_dark_until_it_is_set_up_again(self, oled_board, luma):
        oled_board.hand.do("unplug", **OLED)
        oled_board.hand.do("plug", **OLED)
        luma.show()
        assert pixels(oled_board) == DARK
        luma.__init__(luma._serial_interface)
        luma.command(0xA5)
        assert pixels(oled_board) == LIT

    @pytest.mark.usefixtures("oled_board")
    def test_where_no_display_is_wired_nobody_answers(self):
        from luma.core.error import DeviceNotFoundError
        from luma.core.interface.serial import i2c
        from luma.oled.device import ssd1306

        serial = i2c(port=1, address=0x3D)
        with pytest.raises(DeviceNotFoundError, match="0x3D"):
            ssd1306(serial)
        serial.cleanup()

    @pytest.mark.usefixtures("oled_board")
    def test_where_there_is_no_bus_the_device_file_is_missing(self):
        from luma.core.error import DeviceNotFoundError
        from luma.core.interface.serial import i2c

        with pytest.raises(DeviceNotFoundError, match="/dev/i2c-0"):
            i2c(port=0)

    def test_an_unplugged_lcd_is_an_io_error_and_reads_well_once_it_is_back(self, lcd):
        make, board = lcd
        display = make()
        display.write_string("before")
        board.hand.do("unplug", **LCD)
        assert board.hand.do("display", **LCD) == {
            "lines": [" " * 20] * 4,
            "backlight": False,
            "glyphs": ["00" * 8] * 8,
        }
        with pytest.raises(OSError) as raised:
            display.clear()
        assert raised.value.errno == errno.EREMOTEIO
        board.hand.do("plug", **LCD)
        make().write_string("after")
        assert read(board)[0].rstrip() == "after"

    def test_a_power_cut_leaves_nothing_of_what_was_shown(self, lcd, luma):
        make, board = lcd
        make().write_string("before")
        luma.command(0xA5)
        board.hand.do("power", on=False)
        assert (pixels(board), read(board)) == (DARK, [" " * 20] * 4)
        board.hand.do("unplug", **LCD)
        board.hand.do("plug", **LCD)
        assert not board.board.i2c(1, 0x27, b"\x08")
        board.hand.do("power", on=True)
        assert (pixels(board), read(board)) == (DARK, ["█" * 20, " " * 20] * 2)

    def test_unplugged_through_a_power_cut_it_stays_without_power_until_it_is_plugged_in(self, lcd):
        _make, board = lcd
        board.hand.do("unplug", **LCD)
        board.hand.do("power", on=False)
        board.hand.do("power", on=True)
        assert read(board) == [" " * 20] * 4
        board.hand.do("plug", **LCD)
        assert "█" in read(board)[0]


@pytest.mark.process
def test_a_board_of_its_own_has_the_displays_it_was_told_of(tmp_path):
    command = [*LIFELINE, sys.executable, "-m", "simulator.board", "--socket", str(tmp_path / "board.sock")]
    displays = ["--display", "1.0x3c:ssd1306", "--display", "1.39:lcd2004"]
    with subprocess.Popen([*command, *displays], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        hand = Hand(tmp_path / "board.sock")
        assert len(hand.do("display", **OLED)["pixels"]) == 64
        assert len(hand.do("display", **LCD)["lines"]) == 4
        hand.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    done = subprocess.run([*command, "--display", "1.39:lcd"], capture_output=True, text=True, check=False)
    assert "ssd1306, sh1106, lcd2004, lcd1602" in done.stderr


@given(st.lists(st.binary(max_size=80), max_size=40))
def test_no_stream_of_bytes_upsets_the_oled(messages):
    board = Board({}, displays={(1, 0x3C): "ssd1306"})
    for message in messages:
        assert board.i2c(1, 0x3C, message)
    board.i2c(1, 0x3C, bytes(8) + UPRIGHT)  # whatever was begun is ended
    shown = board.displays[1, 0x3C].pixels()
    assert len(shown) == 64
    assert all(0 <= row < 1 << 128 for row in shown)


@given(st.lists(st.binary(max_size=80), max_size=40), st.sampled_from([(20, 4), (16, 2)]))
def test_no_stream_of_bytes_upsets_the_lcd(messages, size):
    columns, rows = size
    display = HD44780(columns, rows)
    for message in messages:
        display.write(message)
        shown = display.lines()
        assert [len(line) for line in shown] == [columns] * rows


@given(st.binary(max_size=1200), st.sampled_from([(0x20, 0), (0x20, 1), (0x20, 2)]))
def test_data_alone_switches_nothing(data, mode):
    display = SSD1306()
    display.write(UPRIGHT + bytes((*mode, 0xA5)))
    display.write(b"\x40" + data)
    assert display.pixels() == LIT


def test_every_code_of_the_rom_is_one_character():
    assert len(ROM_A00) == 256
