"""Draw docs/wiring/*.svg from the settings that an installation starts with: `make drawings`.

Pins are read from config/controller.toml, so that picture and settings cannot differ; a test draws them again.
"""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

from controller.commands.card import page
from controller.settings import load
from protocol.texts import spoken

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/wiring"
# Physical pin of each GPIO on the 40-pin header.
PHYSICAL = {
    2: 3, 3: 5, 4: 7, 14: 8, 15: 10, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 10: 19, 9: 21, 25: 22, 11: 23,
    8: 24, 7: 26, 0: 27, 1: 28, 5: 29, 6: 31, 12: 32, 13: 33, 19: 35, 16: 36, 26: 37, 20: 38, 21: 40,
}  # fmt: skip
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

    def text(self, x, y, text, *, size=14, anchor="start", fill=INK, bold=False):
        weight = ' font-weight="700"' if bold else ""
        self.parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight}>'
            f"{escape(self.say(text))}</text>"
        )

    def box(self, x, y, width, height, *, fill="#fff", stroke=LINE):
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{fill}" stroke="{stroke}" '
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
    gpio = {physical: number for number, physical in PHYSICAL.items()}
    drawing.box(left - 30, top - 28, 110, 20 * pitch + 22, fill="#2f3a34", stroke="#2f3a34")

    def place(pin):
        return left + (0 if pin % 2 else 50), top + (pin - 1) // 2 * pitch

    def name(pin):
        decimal = POWER.get(pin, "").replace(",", "," if language == "fr" else ".")
        return decimal or ("GND" if pin in GROUND else f"GPIO {gpio[pin]}")

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
            drawing.text(1006, end, f"pin {pin} · {name(pin)}" if language == "en" else f"broche {pin} · {name(pin)}",
                         anchor="end", fill=PALE)  # fmt: skip
        for number, note in enumerate(notes):
            drawing.text(624, y + 44 + 24 * len(ends) + 19 * number, note, size=13, fill=PALE)
        y += height + 13
    for pin in range(1, 41):
        x, line = place(pin)
        drawing.dot(x, line, 9, used.get(pin, "#59645d"), "#e8d9a0")
        drawing.text(x, line + 4, str(pin), size=10, anchor="middle", fill="#fff", bold=pin in used)
        if pin in used and pin % 2:
            drawing.text(x - 42, line + 5, name(pin), size=13, anchor="end", fill=used[pin], bold=True)
        elif pin in used:
            drawing.text(x + 36, line - 3, name(pin), size=11, fill=used[pin])
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


def card(language):
    """Write the example of a machine's card."""
    (station,) = load(ROOT / f"config/controller{'.fr' if language == 'fr' else ''}.toml").stations
    with spoken(language):
        return page(station)


def drawings():
    """Give every picture, and the example of a card, by its path."""
    cards = {ROOT / f"docs/card.{language}.html": card(language) for language in ("en", "fr")}
    return cards | {
        FOLDER / f"{name}.{language}.svg": draw(language)
        for name, draw in (("header", header), ("circuit", circuit))
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
