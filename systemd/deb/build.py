"""Build the Debian package: `make deb`, `make deb ARCH=arm64`.

The package is a virtual environment of its own, /usr/lib/loquet, with all that Loquet needs from PyPI in it, so
that it installs without a line. What is compiled comes as wheels, for each Python that Debian and Raspberry Pi OS
have; other boards (ARCH of a 32-bit Pi) are built on the board itself, for the Python that is there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).parent
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC: Final = (17, 28, 31, 34, 36)  # Debian 12 has 2.36
PYTHONS: Final = ("3.11", "3.13")  # Debian and Raspberry Pi OS 12 and 13
# sqlite-utils asks for pip, for a command of its own that nobody here uses; colorzero for setuptools, unused.
NOT_NEEDED: Final = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")
HOME: Final = Path("usr/lib/loquet")
UNITS: Final = (
    "loquet.service",
    "loquet-guard.service",
    "loquet.path",
    "loquet-mended.service",
    "loquet-server.service",
    "loquet-stick@.service",
    "loquet-copy.service",
    "loquet-copy.timer",
)
SCRIPT: Final = """#!/usr/lib/loquet/bin/python3 -s
import sys
from {module} import main
sys.exit(main())
"""


class BuildError(Exception):
    """What is missing, and what to do."""


def run(*command: str | Path) -> str:
    """Run a command; return what it said. Raises BuildError with what it complained of."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(map(str, command[:5]))} …: {done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def pip(*arguments: str | Path) -> None:
    """Run pip, with the versions that are pinned."""
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments)


def wheel(folder: Path) -> Path:
    """Build Loquet's own wheel."""
    pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    return next(folder.glob("loquet-*.whl"))


def foreign(arch: str, python: str) -> list[str]:
    """Return the options that make pip fetch wheels for another machine or another Python."""
    tag = python.replace(".", "")
    platforms = [f"manylinux_2_{minor}_{MACHINES[arch]}" for minor in GLIBC] + [f"manylinux2014_{MACHINES[arch]}"]
    options = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", f"--abi=cp{tag}"]
    return [*options, "--abi=abi3", "--abi=none", *(f"--platform={platform}" for platform in platforms)]


def collect(target: Path, loquet: Path, options: list[str]) -> None:
    """Put Loquet and all that it needs into a folder."""
    shared = ["install", "--quiet", "--no-compile", "--constraint", ROOT / "constraints.txt", "--target", target]
    pip(*shared, *options, f"{loquet}[server,modbus]")
    # mfrc522 asks for RPi.GPIO and spidev, which are compiled: ours stands for the one, Debian has the other.
    pip(*shared, "--no-deps", *options, "mfrc522")
    # Displays, in pure Python; Pillow and cbor2, which are compiled, Debian has.
    pip(*shared, "--no-deps", *options, "luma.core", "luma.oled", "RPLCD", "smbus2")
    for name in NOT_NEEDED:
        for path in (target / name, *target.glob(f"{name}-*.dist-info")):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    shutil.rmtree(target / "bin", ignore_errors=True)
    for folder in target.glob("django/**/locale/*"):  # the pages speak two languages
        if folder.is_dir() and folder.name not in {"en", "fr"}:
            shutil.rmtree(folder)
    for name in ("contrib/gis", "contrib/admin/static", "contrib/admindocs"):
        shutil.rmtree(target / "django" / name, ignore_errors=True)


def merge(other: Path, into: Path) -> None:
    """Add what another Python needs beside: its compiled modules carry its name and do not clash."""
    for path in sorted(other.rglob("*")):
        there = into / path.relative_to(other)
        if path.is_dir():
            there.mkdir(exist_ok=True)
        elif not there.exists():
            shutil.copy2(path, there)
        elif path.suffix == ".py" and path.read_bytes() != there.read_bytes():
            raise BuildError(f"{path.relative_to(other)} is not the same for every Python")


def environment(root: Path, arch: str, scratch: Path) -> tuple[str, ...]:
    """Make /usr/lib/loquet; return the Pythons that it serves."""
    home = root / HOME
    site = home / "site"
    loquet = wheel(scratch)
    pythons = PYTHONS if arch in MACHINES else (f"{sys.version_info[0]}.{sys.version_info[1]}",)
    for python in pythons:
        options = foreign(arch, python) if arch in MACHINES else []
        target = scratch / python
        collect(target, loquet, options)
        site.mkdir(parents=True, exist_ok=True)
        merge(target, site)
        own = home / f"lib/python{python}/site-packages"
        own.mkdir(parents=True)
        (own / "loquet.pth").write_text(f"/{HOME}/site\n")
        if python == PYTHONS[0] and arch in MACHINES:
            # Debian 12 has no lgpio; Raspberry Pi OS has, in every version.
            pip("install", "--quiet", "--no-compile", "--no-deps", "--target", own, *options, "lgpio>=0.2.2")
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to("/usr/bin/python3")
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = true\n")
    (root / "usr/bin").mkdir(parents=True)
    for name, module in (("loquet", "controller.commands"), ("loquet-guard", "guard.process")):
        script = home / "bin" / name
        script.write_text(SCRIPT.format(module=module))
        script.chmod(0o755)
        (root / "usr/bin" / name).symlink_to(f"../lib/loquet/bin/{name}")
    return pythons


def place(root: Path, version: str) -> None:
    """Put units, documents and examples where Debian keeps them."""
    for unit in UNITS:
        _copy(ROOT / "systemd" / unit, root / "usr/lib/systemd/system" / unit)
    _copy(ROOT / "systemd/sysusers.conf", root / "usr/lib/sysusers.d/loquet.conf")
    _copy(ROOT / "systemd/tmpfiles.conf", root / "usr/lib/tmpfiles.d/loquet.conf")
    _copy(ROOT / "systemd/udev.rules", root / "usr/lib/udev/rules.d/60-loquet.rules")
    _copy(ROOT / "systemd/polkit.rules", root / "usr/share/polkit-1/rules.d/60-loquet.rules")
    documents = root / "usr/share/doc/loquet"
    for path in _documents():
        _copy(path, documents / path.relative_to(ROOT / "docs"))
    for path in sorted((ROOT / "config").iterdir()):
        if path.suffix in {".toml", ".csv"}:
            _copy(path, documents / "config" / path.name)
    _copy(ROOT / "CHANGELOG.md", documents / "CHANGELOG.md")
    (documents / "copyright").write_text(
        f"Loquet {version}: GPL-3.0-or-later. The packages in /{HOME}/site carry their own licences in their\n"
        "*.dist-info folders.\n\n" + (ROOT / "LICENSE").read_text(encoding="utf-8"),
        encoding="utf-8",
    )


def _documents() -> Iterator[Path]:
    for path in sorted((ROOT / "docs").rglob("*")):
        if path.is_file() and "screenshots" not in path.parts:
            yield path


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _next(python: str) -> str:
    major, _, minor = python.partition(".")
    return f"{major}.{int(minor) + 1}~"


def control(root: Path, arch: str, version: str, pythons: tuple[str, ...]) -> None:
    """Write what dpkg reads, and the maintainer's scripts."""
    folder = root / "DEBIAN"
    folder.mkdir(mode=0o755)
    depends = [
        f"python3 (>= {pythons[0]})",
        f"python3 (<< {_next(pythons[-1])})",
        *(f"python3 (<< {_next(low)}) | python3 (>= {high})" for low, high in pairwise(pythons)),
        "python3-spidev",
        f"python3-lgpio | python3 (<< {_next(PYTHONS[0])})" if arch in MACHINES else "python3-lgpio",
        "init-system-helpers",
        "systemd (>= 252)",
        "tzdata",
    ]
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()) // 1024
    (folder / "control").write_text(
        f"""Package: loquet
Version: {version}
Architecture: {arch}
Maintainer: Loquet <loquet@localhost>
Installed-Size: {size}
Depends: {", ".join(depends)}
Recommends: python3-pil, python3-cbor2, python3-evdev
Suggests: python3-pyscard, pcscd
Section: misc
Priority: optional
Description: latch on a workshop's machines
 A daemon that reads NFC badges, checks a local whitelist of members certified
 for each machine, switches a relay and keeps a journal of usage. It decides
 alone: no tap waits for a network.
 .
 Loquet decides who may use a machine. It is not a safety function.
"""
    )
    for name in ("postinst", "prerm", "postrm"):
        shutil.copyfile(HERE / name, folder / name)
        (folder / name).chmod(0o755)


def build(arch: str, version: str, out: Path, *, quick: bool = False) -> Path:
    """Build the package; return its path. Raises BuildError."""
    if shutil.which("dpkg-deb") is None:
        raise BuildError("dpkg-deb is missing: this needs Debian, Ubuntu or Raspberry Pi OS")
    own = run("dpkg", "--print-architecture").strip()
    if arch not in MACHINES and arch != own:
        raise BuildError(f"a package for {arch} is built on such a board; from here: {', '.join(MACHINES)}")
    out.mkdir(parents=True, exist_ok=True)
    package = out / f"loquet_{version}_{arch}.deb"
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="loquet-deb-") as scratch:
        root = Path(scratch) / "root"
        root.mkdir(mode=0o755)
        pythons = environment(root, arch, Path(scratch))
        place(root, version)
        control(root, arch, version, pythons)
        pressed = ("-Zgzip", "-z1") if quick else ("-Zxz",)
        run("dpkg-deb", "--root-owner-group", *pressed, "--build", root, package)
    return package


def main() -> int:
    """Read the arguments and build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    parser = argparse.ArgumentParser(prog="make deb", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--arch", default="", help="amd64, arm64, or this machine's own")
    parser.add_argument("--version", default=project["version"], help="the version to write on it")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to put it")
    parser.add_argument("--quick", action="store_true", help="pressed less: built sooner, and larger")
    options = parser.parse_args()
    try:
        arch = options.arch or run("dpkg", "--print-architecture").strip()
        package = build(arch, options.version, options.out, quick=options.quick)
    except (BuildError, OSError) as error:
        sys.stderr.write(f"make deb: {error}\n")
        return 1
    sys.stdout.write(f"{package} ({package.stat().st_size / 1e6:.1f} MB)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
