"""Draw docs/wiring/*.svg from the settings that an installation starts with: `make drawings`.

Pins are read from config/controller.toml, and those of a part from the first settings that its page in docs/parts
shows, so that picture and settings cannot differ; a test draws them again.
"""

import re
import sys
import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

from common.texts import spoken
from controller.commands.card import page
from controller.settings import load, read

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/wiring"
# Physical pin of each GPIO on the 40-pin header.
PHYSICAL = {
    2: 3, 3: 5, 4: 7, 14: 8, 15: 10, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 10: 19, 9: 21, 25: 22, 11: 23,
    8: 24, 7: 26, 0: 27, 1: 28, 5: 29, 6: 31, 12: 32, 13: 33, 19: 35, 16: 36, 26: 37, 20: 38, 21: 40,
}  # fmt: skip
GPIO = {physical: number for number, physical in PHYSICAL.items()}
POWER = {1: "3,3 V", 17: "3,3 V", 2: "5 V", 4: "5 V"}
GROUND = (6, 9, 14, 20, 25, 30, 34, 39)
FRENCH = {
    "Header of the Raspberry Pi, seen from above, the end of the SD card upwards":
        "Connecteur du Raspberry Pi, vu de dessus, côté carte SD en haut",
    "Clock DS3231 (for a place without internet)": "Horloge DS3231 (pour un lieu sans Internet)",
    "Relay board, ON when its input is HIGH": "Carte relais, enclenchée à l'état HAUT",
    "RGB LED, common cathode": "LED RVB, cathode commune",
    "Reader RC522": "Lecteur RC522",
    "Active buzzer": "Buzzer actif",
    "10 kΩ from IN to GND": "10 kΩ entre IN et GND",
    "330 Ω in each of R, G, B": "330 Ω sur chacune de R, G, B",
    "3.3 V, never 5 V! Wires under 20 cm. IRQ stays free.":
        "3,3 V, jamais 5 V ! Fils de moins de 20 cm. IRQ reste libre.",
    "to 3.3 V; see the text about its cell": "sur le 3,3 V ; voir le texte sur sa pile",
    "contacts COM and NO: to the control circuit": "contacts COM et NO : vers le circuit de commande",
    "red": "rouge", "green": "verte", "blue": "bleue", "long leg": "patte longue",
    "cathode (longest leg)": "cathode (patte la plus longue)",
    "Power: only a qualified electrician works here": "Puissance : seul un électricien habilité y travaille",
    "Control circuit, 24 V DC": "Circuit de commande, 24 V continu",
    "circuit breaker": "disjoncteur différentiel", "30 mA": "30 mA", "contactor K1": "contacteur K1",
    "fuse": "fusible", "emergency": "arrêt", "stop (NC)": "d'urgence (NF)",
    "relay of Loquet": "relais de Loquet", "key switch": "clé",
    "(Loquet dead: by key)": "(Loquet en panne : à la clé)", "start button": "bouton marche",
    "K1 holds itself": "auto-maintien K1", "coil K1": "bobine K1",
    "The emergency stop cuts without Loquet, and Loquet never bridges it.":
        "L'arrêt d'urgence coupe sans Loquet, et Loquet ne le contourne jamais.",
    "The badge only permits: nothing starts before somebody presses start, after a stop or a power cut too.":
        "Le badge autorise seulement : rien ne démarre sans l'appui sur marche, même après un arrêt ou une coupure.",
    "Loquet is not a safety function.": "Loquet n'est pas une fonction de sécurité.",
    "or, better, the enable input of the machine in place of the contactor":
        "ou, mieux, l'entrée d'autorisation de la machine à la place du contacteur",
    # the parts
    "The first RC522": "Le premier RC522",
    "The second RC522": "Le second RC522",
    "its five other wires: as the first": "ses cinq autres fils : comme le premier",
    "3.3 V, never 5 V! IRQ stays free.": "3,3 V, jamais 5 V ! IRQ reste libre.",
    "PN532 on the header, or on a USB adapter": "PN532 sur le connecteur, ou sur un adaptateur USB",
    "PN532 on the header": "PN532 sur le connecteur",
    "PN532 on an adapter": "PN532 sur un adaptateur",
    "both switches on 0: HSU": "les deux interrupteurs sur 0 : HSU",
    "USB adapter, set to 3.3 V": "Adaptateur USB, réglé sur 3,3 V",
    "Reader RDM6300": "Lecteur RDM6300", "Reader ID-12LA": "Lecteur ID-12LA",
    "5 V: its TX would harm the Raspberry Pi": "5 V : son TX abîmerait le Raspberry Pi",
    "coil on ANT1 and ANT2; RX stays free": "bobine sur ANT1 et ANT2 ; RX reste libre",
    "FS on GND: it speaks ASCII": "FS sur GND : il parle en ASCII",
    "D1 and TIR stay free": "D1 et TIR restent libres",
    "ON when its input is HIGH": "enclenchée à l'état HAUT",
    "10 kΩ at the board's end": "10 kΩ du côté de la carte",
    "Relay board": "Carte relais", "Control circuit": "Circuit de commande",
    "24 V, never the mains": "24 V, jamais le secteur", "of the machine": "de la machine",
    "The electrician's": "À l'électricien",
    "Relay and PZEM-004T on one RS-485 line": "Relais et PZEM-004T sur une même ligne RS-485",
    "USB–RS-485 adapter": "Adaptateur USB–RS-485", "Relay unit": "Module relais",
    "its own supply on + and −": "sa propre alimentation sur + et −",
    "TTL–RS-485 module": "Module TTL–RS-485", "its supply: 5 V": "son alimentation : 5 V",
    "a PZEM-016 has A and B:": "un PZEM-016 a A et B :", "it needs no module": "sans module alors",
    "230 V: L and N from": "230 V : L et N pris", "before the contactor": "avant le contacteur",
    "around its L": "autour de son L", "clamp": "pince",
    "MCP3008 with a clamp; a current switch": "MCP3008 avec une pince ; un relais de courant",
    "seen from above, its notch to the left:": "vu de dessus, l'encoche à gauche :",
    "pins 9 to 16 are the upper row": "les broches 9 à 16 sont la rangée du haut",
    "Clamp with a DC output": "Pince à sortie continue", "0 to 3.3 V, never more": "0 à 3,3 V, jamais plus",
    "Current switch": "Relais de courant", "a contact without voltage": "un contact sec",
    "around this ONE wire": "autour de ce SEUL fil",
}  # fmt: skip
INK, PALE, LINE = "#1d2420", "#59645d", "#d9d3c5"


class Drawing:
    """A picture that grows by lines; texts go through the language."""

    def __init__(self, width, height, title, language):
        self.language = language
        said = escape(self.say(title))
        look = f'font-family="DejaVu Sans, Verdana, sans-serif" font-size="14" fill="{INK}"'
        size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{said}" {look}>',
            f"<title>{said}</title>",
            f'<rect width="{width}" height="{height}" fill="#fffdf8"/>',
        ]

    def say(self, text):
        return FRENCH.get(text, text) if self.language == "fr" else text

    def name(self, pin):
        """Name a pin of the header."""
        if pin in POWER:
            return POWER[pin] if self.language == "fr" else POWER[pin].replace(",", ".")
        return "GND" if pin in GROUND else f"GPIO {GPIO[pin]}"

    def pin(self, pin):
        return f"{'broche' if self.language == 'fr' else 'pin'} {pin} · {self.name(pin)}"

    def text(self, x, y, text, *, size=14, anchor="start", fill=INK, bold=False):
        weight = ' font-weight="700"' if bold else ""
        self.parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight}>'
            f"{escape(self.say(text))}</text>"
        )

    def box(self, x, y, width, height, *, fill="#fff", stroke=LINE, corner=8):
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{corner}" fill="{fill}" stroke="{stroke}" '
            'stroke-width="2"/>'
        )

    def path(self, data, colour=INK, width=3, extra=""):
        self.parts.append(
            f'<path d="{data}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round" '
            f'stroke-linecap="round"{extra}/>'
        )

    def dot(self, x, y, radius=5, fill=INK, stroke="none"):
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="2"/>')

    def done(self):
        return "\n".join([*self.parts, "</svg>", ""])


def wires():
    """Name each part, its colour, its notes and its wires (label, physical pin)."""
    (station,) = load(ROOT / "config/controller.toml").stations
    reader, relay = station.reader.settings, station.relay.settings
    light, buzzer = station.light.settings, station.buzzer.settings
    return [
        ("Clock DS3231 (for a place without internet)", "#6d28d9", ["to 3.3 V; see the text about its cell"],
         [("VCC", 1), ("SDA", 3), ("SCL", 5), ("GND", 9)]),
        ("Relay board, ON when its input is HIGH", "#b45309",
         ["10 kΩ from IN to GND", "contacts COM and NO: to the control circuit"],
         [("VCC", 2), ("GND", 6), ("IN", PHYSICAL[relay.pin])]),
        ("RGB LED, common cathode", "#15803d", ["330 Ω in each of R, G, B"],
         [("cathode (longest leg)", 14), ("red", PHYSICAL[light.red]), ("green", PHYSICAL[light.green]),
          ("blue", PHYSICAL[light.blue])]),
        ("Reader RC522", "#1d4ed8", ["3.3 V, never 5 V! Wires under 20 cm. IRQ stays free."],
         [("3.3V", 17), ("MOSI", PHYSICAL[10]), ("GND", 20), ("MISO", PHYSICAL[9]),
          ("RST", PHYSICAL[reader.reset_pin]), ("SCK", PHYSICAL[11]), ("SDA (= SS)", PHYSICAL[8 - reader.device])]),
        ("Active buzzer", "#9f1239", [], [("+", PHYSICAL[buzzer.pin]), ("−", 39)]),
    ]  # fmt: skip


def header(language):
    """Draw the header and what hangs on it."""
    pitch, top, left = 33, 78, 150
    title = "Header of the Raspberry Pi, seen from above, the end of the SD card upwards"
    drawing = Drawing(1040, 870, title, language)
    drawing.text(24, 34, title, size=16, bold=True)
    drawing.box(left - 30, top - 28, 110, 20 * pitch + 22, fill="#2f3a34", stroke="#2f3a34")

    def place(pin):
        return left + (0 if pin % 2 else 50), top + (pin - 1) // 2 * pitch

    parts = wires()
    used = {pin: colour for _title, colour, _notes, ends in parts for _label, pin in ends}
    y, channel = 56, 0
    for title, colour, notes, ends in parts:
        height = 34 + 24 * len(ends) + 19 * len(notes)
        drawing.box(610, y, 410, height, stroke=colour)
        drawing.text(624, y + 24, title, size=15, bold=True, fill=colour)
        for number, (label, pin) in enumerate(ends):
            end = y + 46 + 24 * number
            x, start = place(pin)
            bend = 290 + 15 * channel
            channel += 1
            if pin % 2:  # from the left column, between two rows
                drawing.path(f"M{x} {start} v{pitch // 2} H{bend} V{end - 5} H610", colour, 2.5)
            else:
                drawing.path(f"M{x} {start} H{bend} V{end - 5} H610", colour, 2.5)
            drawing.dot(610, end - 5, 4, colour)
            drawing.text(624, end, label)
            drawing.text(1006, end, drawing.pin(pin), anchor="end", fill=PALE)
        for number, note in enumerate(notes):
            drawing.text(624, y + 44 + 24 * len(ends) + 19 * number, note, size=13, fill=PALE)
        y += height + 13
    for pin in range(1, 41):
        x, line = place(pin)
        drawing.dot(x, line, 9, used.get(pin, "#59645d"), "#e8d9a0")
        drawing.text(x, line + 4, str(pin), size=10, anchor="middle", fill="#fff", bold=pin in used)
        if pin in used and pin % 2:
            drawing.text(x - 42, line + 5, drawing.name(pin), size=13, anchor="end", fill=used[pin], bold=True)
        elif pin in used:
            drawing.text(x + 36, line - 3, drawing.name(pin), size=11, fill=used[pin])
    return drawing.done()


def circuit(language):
    """Draw the contactor's circuit: emergency stop first, Loquet beside the key, nothing that starts by itself."""
    drawing = Drawing(1040, 520, "Control circuit, 24 V DC", language)
    drawing.text(24, 36, "Power: only a qualified electrician works here", size=16, bold=True, fill="#9f1239")
    drawing.path("M40 96 H150 M214 96 H330 l58 -24 M400 96 H640", width=4)
    drawing.dot(330, 96), drawing.dot(400, 96)
    drawing.box(150, 72, 64, 48)
    drawing.text(182, 92, "RCD" if language == "en" else "DDR", size=13, anchor="middle")
    drawing.text(182, 110, "30 mA", size=12, anchor="middle")
    drawing.text(182, 140, "circuit breaker", size=12, anchor="middle", fill=PALE)
    drawing.text(365, 140, "contactor K1", size=13, anchor="middle", bold=True)
    drawing.box(640, 66, 180, 60, fill="#f4efd8", stroke="#c9a227")
    drawing.text(730, 101, "machine", size=15, anchor="middle", bold=True)
    drawing.text(24, 84, "L", size=15, bold=True)
    drawing.text(400, 166, "or, better, the enable input of the machine in place of the contactor", size=13, fill=PALE)
    drawing.text(24, 216, "Control circuit, 24 V DC", size=16, bold=True)
    row = 290
    drawing.text(24, row - 14, "+24 V", size=13, bold=True)
    drawing.path(f"M40 {row} H110 M170 {row} H230")
    drawing.box(110, row - 11, 60, 22)
    drawing.text(140, row + 32, "fuse", size=13, anchor="middle", fill=PALE)
    # Emergency stop: closed at rest, opened by a hand, whatever any program does.
    drawing.path(f"M230 {row} h14 M320 {row} h10 M244 {row} L322 {row + 8} M322 {row + 10} V{row - 8}", "#b91c1c", 4)
    drawing.path(f"M283 {row + 3} V{row - 36} M262 {row - 36} h42", "#b91c1c", 6)
    drawing.text(283, row + 34, "emergency", size=13, anchor="middle", fill="#b91c1c", bold=True)
    drawing.text(283, row + 51, "stop (NC)", size=13, anchor="middle", fill="#b91c1c", bold=True)
    # Loquet, and the key beside it.
    drawing.path(
        f"M330 {row} H390 M390 {row} V{row + 84} H440 M520 {row + 84} H580 V{row} M390 {row} H440 M520 {row} H580"
    )
    drawing.path(f"M440 {row} L508 {row - 26}", "#15803d", 4)
    drawing.dot(440, row), drawing.dot(520, row)
    drawing.text(480, row - 36, "relay of Loquet", size=14, anchor="middle", fill="#15803d", bold=True)
    drawing.path(f"M440 {row + 84} L508 {row + 58}", width=4)
    drawing.dot(440, row + 84), drawing.dot(520, row + 84)
    drawing.text(480, row + 108, "key switch", size=13, anchor="middle", bold=True)
    drawing.text(480, row + 126, "(Loquet dead: by key)", size=12, anchor="middle", fill=PALE)
    # Start, held by the contactor itself.
    drawing.path(f"M580 {row} H640 M720 {row} H790 M610 {row} V{row + 84} H640 M720 {row + 84} H760 V{row}")
    drawing.path(f"M640 {row - 10} H720 M680 {row - 10} V{row - 30} M666 {row - 30} h28", width=4)
    drawing.dot(640, row), drawing.dot(720, row), drawing.dot(390, row), drawing.dot(580, row)
    drawing.dot(610, row), drawing.dot(760, row)
    drawing.text(680, row - 42, "start button", size=14, anchor="middle", bold=True)
    drawing.path(f"M640 {row + 84} L708 {row + 60}", width=4)
    drawing.dot(640, row + 84), drawing.dot(720, row + 84)
    drawing.text(680, row + 108, "K1 holds itself", size=13, anchor="middle", fill=PALE)
    drawing.box(790, row - 22, 90, 44)
    drawing.text(835, row + 6, "coil K1", size=13, anchor="middle", bold=True)
    drawing.path(f"M880 {row} H960 V{row + 60} M944 {row + 60} h32 M950 {row + 67} h20 M956 {row + 74} h8")
    # The diode across the coil, its cathode to +: it leads only what the coil gives back.
    around = f"M806 {row - 22} V{row - 44} H864 V{row - 22}"
    drawing.path(f"{around} M844 {row - 52} V{row - 36} L828 {row - 44} Z M828 {row - 52} v16", INK, 2)
    drawing.text(936, row + 72, "PE", size=13, anchor="end", fill=PALE)
    drawing.text(1000, row - 14, "0 V", size=13, anchor="end", bold=True)
    drawing.path("M24 438 H1016", LINE, 2)
    for number, sentence in enumerate(
        (
            "The emergency stop cuts without Loquet, and Loquet never bridges it.",
            "The badge only permits: nothing starts before somebody presses start, after a stop or a power cut too.",
            "Loquet is not a safety function.",
        )
    ):
        drawing.text(24, 462 + 21 * number, sentence, size=14, bold=number == 2)
    return drawing.done()


PI, PART, POWERED, MAINS = "#2f3a34", "#1d4ed8", "#b45309", "#9f1239"
TXD, RXD, SPI = 14, 15, {"MOSI": 10, "MISO": 9, "SCK": 11}
ROW = 30


class Block:
    """A box whose pins have names; `left` and `right` give where a wire meets them."""

    def __init__(self, drawing, x, y, width, title, *, left=(), right=(), notes=(), colour=PART):
        rows = max(len(left), len(right))
        self.bottom = y + 40 + ROW * rows + 18 * len(notes) + (4 if notes else 0)
        drawing.box(x, y, width, self.bottom - y, stroke=colour)
        drawing.text(x + 14, y + 25, title, bold=True, fill=colour)
        self.left, self.right = {}, {}
        for pins, found, edge, anchor in ((left, self.left, x, "start"), (right, self.right, x + width, "end")):
            for number, label in enumerate(pins):
                if label:
                    at = found[label] = (edge, y + 52 + ROW * number)
                    drawing.text(edge + (14 if anchor == "start" else -14), at[1] + 5, label, anchor=anchor, size=13)
        for number, note in enumerate(notes):
            drawing.text(x + 14, y + 54 + ROW * rows + 18 * number, note, size=12, fill=PALE)


def wire(drawing, start, end, colour=PART, bend=0.5):
    """Draw a wire with one bend, that far on its way."""
    (x, y), (to, at) = start, end
    drawing.path(f"M{x} {y} H{round(x + (to - x) * bend)} V{at} H{to}", colour, 2.5)
    drawing.dot(x, y, 4, colour), drawing.dot(to, at, 4, colour)


def resistor(drawing, x, y, label, *, down=0):
    """Draw a resistor on a wire; *down*: from that wire to the one so far below."""
    if down:
        drawing.path(f"M{x} {y} V{y + down}", INK, 2)
        drawing.dot(x, y, 4), drawing.dot(x, y + down, 4)
        drawing.box(x - 7, y + 10, 14, down - 20, stroke=INK, corner=2)
        drawing.text(x + 13, y + down // 2 + 4, label, size=12)
    else:
        drawing.box(x - 19, y - 7, 38, 14, stroke=INK, corner=2)
        drawing.text(x, y - 13, label, size=12, anchor="middle")


def shown(name):
    """Read the first settings that a part's page shows."""
    page = (ROOT / f"docs/parts/{name}.md").read_text(encoding="utf-8")
    block = re.search(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
    return read(tomllib.loads(block), ROOT / "shown.toml").stations


def beside(drawing, y, pins, title, *, notes=(), colour=PART, contacts=(), width=300):
    """Draw the Raspberry Pi, and beside it a part: its pins, each with the header's pin that it hangs on.

    Those that hang on one stand below each other: the second is branched off. A pin of None leaves a row free.
    """
    rows = list(pins.items())
    named = [
        drawing.pin(pin) if pin and pin not in [before for _label, before in rows[:number]] else None
        for number, (_label, pin) in enumerate(rows)
    ]
    board = Block(drawing, 24, y, 190, "Raspberry Pi", right=named, colour=PI)
    left = [label if pin else None for label, pin in rows]
    part = Block(drawing, 430, y, width, title, left=left, right=contacts, notes=notes, colour=colour)
    for (label, pin), name in zip(rows, named, strict=True):
        if name:
            wire(drawing, board.right[name], part.left[label], colour)
        elif pin:
            (x, to), (_edge, start) = part.left[label], board.right[drawing.pin(pin)]
            drawing.path(f"M{x - 40} {start} V{to} H{x}", colour, 2.5)
            drawing.dot(x - 40, start, 4, colour), drawing.dot(x, to, 4, colour)
    return board, part


def part_rc522(language):
    """Draw two readers on one bus."""
    drawing = Drawing(754, 490, "Reader RC522", language)
    drawing.text(24, 34, "Reader RC522", size=16, bold=True)
    first, second = (station.reader.settings for station in shown("rc522"))
    pins = {"3.3V": 17, "MOSI": PHYSICAL[SPI["MOSI"]], "GND": 20, "MISO": PHYSICAL[SPI["MISO"]]}
    pins |= {"RST": PHYSICAL[first.reset_pin], "SCK": PHYSICAL[SPI["SCK"]], "SDA (= SS)": PHYSICAL[8 - first.device]}
    _board, part = beside(drawing, 54, pins, "The first RC522", notes=["3.3 V, never 5 V! IRQ stays free."])
    pins = {"SDA (= SS)": PHYSICAL[8 - second.device], "RST": PHYSICAL[second.reset_pin]}
    notes = ["its five other wires: as the first"]
    beside(drawing, part.bottom + 18, pins, "The second RC522", notes=notes, colour="#6d28d9")
    return drawing.done()


def part_pn532(language):
    """Draw a PN532 on the header's UART, and one on a USB adapter."""
    drawing = Drawing(754, 460, "PN532 on the header, or on a USB adapter", language)
    drawing.text(24, 34, "PN532 on the header, or on a USB adapter", size=16, bold=True)
    pins = {"VCC": 1, "GND": 6, "RXD": PHYSICAL[TXD], "TXD": PHYSICAL[RXD]}
    notes = ["both switches on 0: HSU"]
    _board, part = beside(drawing, 54, pins, "PN532 on the header", notes=notes)
    y = part.bottom + 18
    adapter = Block(drawing, 24, y, 270, "USB adapter, set to 3.3 V", right=["3.3V", "GND", "TXD", "RXD"], colour=PI)
    part = Block(drawing, 430, y, 300, "PN532 on an adapter", left=list(pins), notes=notes)
    for start, end in (("3.3V", "VCC"), ("GND", "GND"), ("TXD", "RXD"), ("RXD", "TXD")):
        wire(drawing, adapter.right[start], part.left[end])
    return drawing.done()


def part_rdm6300(language):
    """Draw an RDM6300, its 5 V divided."""
    drawing = Drawing(754, 290, "Reader RDM6300", language)
    drawing.text(24, 34, "Reader RDM6300", size=16, bold=True)
    pins = {"+5V": 2, "TX": PHYSICAL[RXD], "": None, "GND": 6}
    notes = ["5 V: its TX would harm the Raspberry Pi", "coil on ANT1 and ANT2; RX stays free"]
    _board, part = beside(drawing, 54, pins, "Reader RDM6300", notes=notes)
    _x, y = part.left["TX"]
    resistor(drawing, 360, y, "1 kΩ")
    resistor(drawing, 280, y, "2 kΩ", down=2 * ROW)
    return drawing.done()


def part_id12la(language):
    """Draw an ID-12LA, all of it on 3.3 V."""
    drawing = Drawing(754, 310, "Reader ID-12LA", language)
    drawing.text(24, 34, "Reader ID-12LA", size=16, bold=True)
    pins = {"VCC": 1, "RES": 1, "D0": PHYSICAL[RXD], "GND": 6, "FS": 6}
    notes = ["FS on GND: it speaks ASCII", "D1 and TIR stay free"]
    beside(drawing, 54, pins, "Reader ID-12LA", notes=notes)
    return drawing.done()


def electricians(drawing, x, y, width, lines, left):
    """Draw what is none of ours to wire."""
    block = Block(drawing, x, y, width, "The electrician's", left=left, notes=lines, colour=MAINS)
    return block.left


def part_relay_gpio(language):
    """Draw a relay board, held open by a resistor."""
    drawing = Drawing(960, 270, "Relay board", language)
    drawing.text(24, 34, "Relay board", size=16, bold=True)
    (station,) = shown("relay-gpio")
    pins = {"VCC": 2, "IN": PHYSICAL[station.relay.settings.pin], "": None, "GND": 6}
    notes = ["ON when its input is HIGH", "10 kΩ at the board's end"]
    contacts = ["COM", "NO"]
    _board, part = beside(drawing, 54, pins, "Relay board", notes=notes, colour=POWERED, contacts=contacts, width=230)
    resistor(drawing, 350, part.left["IN"][1], "10 kΩ", down=2 * ROW)
    there = electricians(drawing, 750, 54, 186, ["24 V, never the mains", "of the machine"], ["COM ", "NO "])
    for label in ("COM", "NO"):
        wire(drawing, part.right[label], there[f"{label} "], MAINS)
    return drawing.done()


def part_modbus(language):
    """Draw a relay unit and a meter on one line."""
    title = "Relay and PZEM-004T on one RS-485 line"
    drawing = Drawing(1080, 470, title, language)
    drawing.text(24, 34, title, size=16, bold=True)
    (station,) = shown("modbus")
    relay, meter = station.relay.settings, station.inputs["power"].part.settings
    adapter = Block(drawing, 24, 54, 216, "USB–RS-485 adapter", right=["A", "B"], colour=PI)
    notes = [f"unit = {relay.unit}, coil = {relay.coil}", "its own supply on + and −"]
    unit = Block(drawing, 310, 54, 230, "Relay unit", left=["A", "B"], right=["COM", "NO"], notes=notes, colour=POWERED)
    module = Block(drawing, 310, 224, 230, "TTL–RS-485 module", left=["A", "B"], right=["VCC", "TXD", "RXD", "GND"],
                   notes=["its supply: 5 V"])  # fmt: skip
    pzem = Block(drawing, 630, 224, 180, "PZEM-004T", left=["5V", "RX", "TX", "GND"], right=["L", "N", "clamp"],
                 notes=[f"unit = {meter.unit}", "a PZEM-016 has A and B:", "it needs no module"])  # fmt: skip
    for label, bend in (("A", 0.35), ("B", 0.65)):
        wire(drawing, adapter.right[label], unit.left[label], "#15803d", bend)
        wire(drawing, adapter.right[label], module.left[label], "#15803d", bend)
    for ours, its in (("VCC", "5V"), ("TXD", "RX"), ("RXD", "TX"), ("GND", "GND")):
        wire(drawing, module.right[ours], pzem.left[its])
    there = electricians(drawing, 880, 54, 180, ["24 V, never the mains", "of the machine"], ["COM ", "NO "])
    for label in ("COM", "NO"):
        wire(drawing, unit.right[label], there[f"{label} "], MAINS)
    lines = ["230 V: L and N from", "before the contactor"]
    there = electricians(drawing, 880, 224, 180, lines, ["L", "N", "around its L"])
    for label, end in (("L", "L"), ("N", "N"), ("clamp", "around its L")):
        wire(drawing, pzem.right[label], there[end], MAINS)
    return drawing.done()


def part_current(language):
    """Draw an MCP3008 with a clamp, and a current switch."""
    title = "MCP3008 with a clamp; a current switch"
    drawing = Drawing(1220, 560, title, language)
    drawing.text(24, 34, title, size=16, bold=True)
    measured, switched = (station.inputs["running"].part.settings for station in shown("current"))
    pins = {"16 VDD": 17, "15 VREF": 17, "14 AGND": 20, "9 DGND": 20, "13 CLK": PHYSICAL[SPI["SCK"]]}
    pins |= {"12 DOUT": PHYSICAL[SPI["MISO"]], "11 DIN": PHYSICAL[SPI["MOSI"]], "10 CS": PHYSICAL[8 - measured.device]}
    channel = f"{measured.channel + 1} CH{measured.channel}"
    notes = ["seen from above, its notch to the left:", "pins 9 to 16 are the upper row"]
    _board, chip = beside(drawing, 54, pins, "MCP3008", notes=notes, contacts=[channel, "14 AGND "])
    clamp = Block(drawing, 770, 54, 220, "Clamp with a DC output", left=["OUT+", "OUT−"], right=["clamp"],
                  notes=["0 to 3.3 V, never more"], colour=POWERED)  # fmt: skip
    wire(drawing, chip.right[channel], clamp.left["OUT+"])
    wire(drawing, chip.right["14 AGND "], clamp.left["OUT−"])
    y = chip.bottom + 18
    pins = {"contact": PHYSICAL[switched.pin], "contact ": 39}
    _board, part = beside(drawing, y, pins, "Current switch", notes=["a contact without voltage"],
                          contacts=["clamp"], colour=POWERED)  # fmt: skip
    lines = ["around this ONE wire"]
    for block, top in ((clamp, 54), (part, y)):
        there = electricians(drawing, 1030, top, 166, lines, ["around its L"])
        wire(drawing, block.right["clamp"], there["around its L"], MAINS)
    return drawing.done()


PARTS = {
    "part-rc522": part_rc522, "part-pn532": part_pn532, "part-rdm6300": part_rdm6300, "part-id12la": part_id12la,
    "part-relay-gpio": part_relay_gpio, "part-modbus": part_modbus, "part-current": part_current,
}  # fmt: skip


def card(language):
    """Write the example of a machine's card."""
    (station,) = load(ROOT / f"config/controller{'.fr' if language == 'fr' else ''}.toml").stations
    with spoken(language):
        return page(station)


def drawings():
    """Return every picture, and the example of a card, by its path."""
    cards = {ROOT / f"docs/card.{language}.html": card(language) for language in ("en", "fr")}
    return cards | {
        FOLDER / f"{name}.{language}.svg": draw(language)
        for name, draw in {"header": header, "circuit": circuit, **PARTS}.items()
        for language in ("en", "fr")
    }


def main() -> int:
    """Draw them."""
    FOLDER.mkdir(exist_ok=True)
    for path, picture in drawings().items():
        path.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
