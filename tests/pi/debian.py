"""What is kept between runs, and how Debian's arm64 packages come there.

By apt, from where this machine's own apt gets its packages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

SUITE = "bookworm"
ARCH = "arm64"
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
CACHE = Path(os.environ.get("LOQUET_PI_CACHE") or Path.home() / ".cache/loquet/pi")
KBUILD = Path("/usr/lib/linux-kbuild-6.1")
SOURCE = Path("/usr/src/linux-source-6.1.tar.xz")
BINFMT = Path("/proc/sys/fs/binfmt_misc")
TOOLS = {
    "qemu-system-aarch64": "qemu-system-arm",
    "/usr/lib/binfmt.d/qemu-aarch64.conf": "qemu-user-static",
    "mmdebstrap": "mmdebstrap",
    "arch-test": "arch-test",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "make": "make",
    "cpio": "cpio",
    "depmod": "kmod",
    str(SOURCE): "linux-source-6.1",
    str(KBUILD): "linux-kbuild-6.1",
    "fdtput": "device-tree-compiler",
    "mke2fs": "e2fsprogs",
    "/usr/bin/python3.11": "python3.11",
}


class PiError(Exception):
    """What is missing or went wrong, and what to do."""


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command; return what it said. Raises PiError with what it complained of."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise PiError(f"{' '.join(map(str, command[:6]))} …: {done.stdout[-1500:]}{done.stderr[-2500:]}")
    return done.stdout


def check_needs() -> None:
    """See that this machine can do it. Raises PiError with the line to type."""
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for tool, package in TOOLS.items() if not (shutil.which(tool) or Path(tool).exists())]
    if missing:
        raise PiError(f"packages are missing (of Debian {SUITE}): sudo apt install {' '.join(missing)}")
    if os.geteuid():
        raise PiError("needs root, to make another root and its image: sudo make pi")


def digest(*parts: str | bytes | Path) -> str:
    """Return a stamp of texts, and of files' contents."""
    found = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part.encode() if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()


def kept(folder: Path, stamp: str, make: Callable[[Path], None], says: str) -> bool:
    """Make a folder anew unless what lies there has that stamp; return whether it was made."""
    mark = folder / "stamp"
    if mark.exists() and mark.read_text() == stamp:
        return False
    print(f"make pi: {says} …", flush=True)
    _unmount(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make(folder)
    mark.write_text(stamp)
    return True


def _unmount(folder: Path) -> None:
    """Take away what somebody who was interrupted left mounted in there: /proc and /dev are not ours to delete."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in reversed(points):
        if Path(point).is_relative_to(folder):
            run("umount", "--lazy", point)


def sources() -> list[str]:
    """Return the lines for Debian's own archives, as this machine's apt has them. Raises PiError."""
    asked = "$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)"
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    signed = f"[signed-by={keyring}] " if keyring.exists() else ""
    lines = []
    for line in run("apt-get", "indextargets", "--format", asked, "Identifier: Packages").splitlines():
        site, release, component, origin = line.split(" ", 3)
        if origin == "Debian" and release.startswith(SUITE) and component == "main":
            lines.append(f"deb {signed}{site} {release} {component}")
    if not lines:
        raise PiError(f"this machine's apt knows no Debian {SUITE}: sudo apt-get update, on a machine that has it")
    return sorted(set(lines))


class Apt:
    """An apt for arm64 beside this machine's own: its lists and files lie in the cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "sources.list").write_text("\n".join(sources()) + "\n")
        (folder / "status").touch()
        self._options = [
            f"-oDir::State={folder}/state", f"-oDir::State::status={folder}/status", f"-oDir::Cache={folder}/cache",
            f"-oDir::Etc::SourceList={folder}/sources.list", "-oDir::Etc::SourceParts=-",
            f"-oAPT::Architecture={ARCH}", f"-oAPT::Architectures={ARCH}", "-oAPT::Sandbox::User=root",
            "-oAPT::Update::Post-Invoke-Success=", "-oAcquire::Languages=none",
        ]  # fmt: skip

    def update(self) -> None:
        """Read the lists."""
        run("apt-get", *self._options, "-q", "update")

    def depends(self, package: str) -> list[str]:
        """Return what a package needs, by name."""
        said = run("apt-cache", *self._options, "depends", "--important", package)
        return [line.split()[-1] for line in said.splitlines() if "Depends:" in line]

    def unpack(self, packages: Iterable[str], into: Path) -> None:
        """Fetch packages, and unpack them without installing anything."""
        for package in packages:
            run("apt-get", *self._options, "-q", "download", package, cwd=self._folder)
            for path in self._folder.glob(f"{package}_*.deb"):
                run("dpkg-deb", "--extract", path, into)
                path.unlink()


def register_interpreter() -> None:
    """Have this machine's kernel run arm64 programs through qemu-user-static, until it is switched off."""
    if not (BINFMT / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT)
    if not (BINFMT / "qemu-aarch64").exists():
        line = Path("/usr/lib/binfmt.d/qemu-aarch64.conf").read_text(encoding="latin-1").strip()
        (BINFMT / "register").write_text(line, encoding="latin-1")
