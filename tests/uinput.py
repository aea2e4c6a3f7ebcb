"""A USB reader that types, made by the kernel itself (uinput), under the real evdev and our driver: `make uinput`.

Needs /dev/uinput (root; `modprobe uinput`) and evdev (pip install "loquet[keyboard]", which is compiled).
"""

import sys
import time
from pathlib import Path

from drivers.contracts import Card
from drivers.readers.keyboard import KeyboardReader, KeyboardSettings

UID = "04A3C6CAE26180"
PATIENCE = 10.0


def until(happened):
    end = time.monotonic() + PATIENCE
    while not (found := happened()):
        if time.monotonic() > end:
            raise SystemExit("the kernel's keyboard and the driver did not meet")
        time.sleep(0.02)
    return found


def main():
    if not Path("/dev/uinput").exists():
        raise SystemExit("there is no /dev/uinput here: sudo modprobe uinput, on a machine that has it")
    from evdev import UInput, ecodes

    with UInput(name="Loquet's test reader") as keyboard:
        path = until(lambda: keyboard.device and keyboard.device.path)
        settings = KeyboardSettings(port=path, technology="iso14443a", base=16, length=[4, 7])
        reader = KeyboardReader(settings)
        print(reader.open())
        for letter in [*UID, "ENTER"]:
            for value in (1, 0):
                keyboard.write(ecodes.EV_KEY, getattr(ecodes, f"KEY_{letter}"), value)
                keyboard.syn()
        assert until(lambda: reader.look().cards) == {Card(bytes.fromhex(UID))}
        try:
            KeyboardReader(settings).open()
        except OSError as error:
            print(error)  # grabbed: nobody else reads it
        else:
            raise SystemExit("it was not grabbed")
        reader.close()
    print("well")


if __name__ == "__main__":
    sys.exit(main())
