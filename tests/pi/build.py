"""Everything that is booted: kernel, root, package, image. Only what changed is made again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import modules
from debian import ARCH, CACHE, HERE, REPOSITORY, SUITE, check_needs, digest, kept, register_interpreter, run, sources

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "udev", "kmod", "procps", "gpiod", "python3", "python3-spidev", "python3-evdev",
    "tzdata", "init-system-helpers",
)  # fmt: skip
ROOT, PACKAGE, BASE = CACHE / "root", CACHE / "package", CACHE / "base"
IMAGE = BASE / "disk.img"
SIZE = "1536M"
NEXT = "0.999"  # the version that the update goes to
PACKED = (
    "common", "protocol", "guard", "drivers", "controller", "simulator", "server", "config", "systemd", "docs",
    "pyproject.toml", "constraints.txt", "README.md", "CHANGELOG.md", "LICENSE",
)  # fmt: skip
PROGRAMS = ("host-shell", "header", "spi-relay", "typing-reader", "level")
UNITS = {"host-shell": "sysinit", "header": "multi-user", "spi-relay": "multi-user", "typing-reader": "multi-user"}
MASKED = (
    "systemd-logind.service", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "getty@tty1.service", "serial-getty@.service", "fstrim.timer", "dpkg-db-backup.timer",
)  # fmt: skip


def build() -> None:
    """Make whatever is not there as it should be. Raises PiError."""
    check_needs()
    CACHE.mkdir(parents=True, exist_ok=True)
    kernel = modules.build()
    register_interpreter()
    root = digest(SUITE, *PACKAGES, "1")
    kept(ROOT, root, _make_root, f"an arm64 Debian {SUITE} (some three to six minutes)")
    package = _stamp_of_sources()
    kept(PACKAGE, package, _make_packages, "the arm64 packages")
    guest = [each for each in sorted((HERE / "guest").iterdir()) if each.is_file()]
    image = digest(kernel, root, package, Path(__file__), *guest)
    kept(BASE, image, _make_image, "the image, with the package installed (two or three minutes)")


def package_of(version: str) -> Path:
    """Return the package of a version."""
    return PACKAGE / f"loquet_{version}_{ARCH}.deb"


def first_version() -> str:
    """Return the version that the sources name."""
    return str(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"])


def _stamp_of_sources() -> str:
    asked = ["ls-files", "--cached", "--others", "--exclude-standard", "--", *PACKED]
    names = run("git", "-C", REPOSITORY, *asked).splitlines()
    files = [REPOSITORY / name for name in sorted(set(names)) if (REPOSITORY / name).is_file()]
    return digest(*(part for path in files for part in (str(path.relative_to(REPOSITORY)), path)))


def _make_root(folder: Path) -> None:
    run(
        "mmdebstrap", f"--architectures={ARCH}", "--variant=apt", "--format=directory",
        f"--include={','.join(PACKAGES)}",
        "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
        SUITE, folder / "root", *sources(),
    )  # fmt: skip


def _make_packages(folder: Path) -> None:
    """Build the package as `make deb` does, and the next version of it: the same with another number."""
    script = REPOSITORY / "systemd/deb/build.py"
    run(sys.executable, script, "--arch", ARCH, "--quick", "--out", folder, cwd=REPOSITORY)
    unpacked = folder / "next"
    run("dpkg-deb", "--raw-extract", package_of(first_version()), unpacked)
    control = unpacked / "DEBIAN/control"
    control.write_text(control.read_text().replace(f"Version: {first_version()}\n", f"Version: {NEXT}\n"))
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", unpacked, package_of(NEXT))
    shutil.rmtree(unpacked)


def _make_image(folder: Path) -> None:
    root = folder / "root"
    run("cp", "-a", ROOT / "root", root)
    _install_package(root)
    _add_guest(root)
    modules.install(root)
    shutil.copy(package_of(NEXT), root / "root/next.deb")
    run("truncate", "-s", SIZE, IMAGE)
    run("mke2fs", "-q", "-t", "ext4", "-d", root, IMAGE)
    shutil.rmtree(root)


def _install_package(root: Path) -> None:
    """Install it by dpkg, in a chroot, as an image is made.

    Its modules are compiled by this machine's Python of the same version: what dpkg does next is the same, and sooner.
    """
    shutil.copy(package_of(first_version()), root / "root/loquet.deb")
    run("chroot", root, "dpkg", "--unpack", "/root/loquet.deb")
    site = root / "usr/lib/loquet/site"
    compileall = ["/usr/bin/python3.11", "-m", "compileall", "-q", "-j2", "-s", root, "-p", "/", site]
    subprocess.run([str(word) for word in compileall], check=False)  # what other Pythons need may not compile
    run("chroot", root, "dpkg", "--configure", "loquet")
    (root / "root/loquet.deb").unlink()


def _add_guest(root: Path) -> None:
    """Add what the emulated board needs, and the settings of what is wired to it."""
    guest = HERE / "guest"
    for name in PROGRAMS:
        target = root / "usr/local/sbin" / name
        shutil.copy(guest / name, target)
        target.chmod(0o755)
    shutil.copy(guest / "typing-reader.rules", root / "etc/udev/rules.d/61-typing-reader.rules")
    units = root / "etc/systemd/system"
    for name, target in UNITS.items():
        shutil.copy(guest / f"{name}.service", units)
        wants = units / f"{target}.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / f"{name}.service").symlink_to(f"../{name}.service")
    for name in MASKED:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
    settings = root / "etc/loquet/controller.toml"
    settings.write_text((guest / "controller.toml").read_text())  # owner and mode stay the package's
    (root / "etc/hostname").write_text("emulated-pi\n")
    (root / "etc/fstab").write_text("/dev/vda / ext4 rw,relatime 0 1\n")
    (root / "etc/machine-id").write_text("")


if __name__ == "__main__":
    build()
