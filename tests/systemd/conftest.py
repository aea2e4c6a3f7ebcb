"""A Debian with the package installed, beside a simulated board."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from build_root import ROOT
from container import Container, Overlay

from simulator.stage import Stage

REPOSITORY = Path(__file__).parents[2]
NEXT = "0.1.1"  # the version that upgrades go to


def _same_with_another_version(package, folder):
    """Make the next version of a package: what stands in it is the same."""
    root = folder / "next"
    subprocess.run(["dpkg-deb", "--raw-extract", package, root], check=True)
    control = root / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: 0.1.0", f"Version: {NEXT}"))
    other = folder / package.name.replace("0.1.0", NEXT)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", root, other], check=True)


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """Two versions of the package, built as `make deb` builds them; once, whatever the number of workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "packages"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = sorted(folder.glob("*.deb"))
        if len(built) < 2:
            build = [sys.executable, str(REPOSITORY / "systemd/deb/build.py"), "--arch", "amd64", "--quick"]
            done = subprocess.run([*build, "--out", str(folder)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            _same_with_another_version(next(folder.glob("*.deb")), folder)
            built = sorted(folder.glob("*.deb"))
    return built


@pytest.fixture(scope="session")
def installed_root(packages, tmp_path_factory):
    """A Debian with the package installed, as an image is made: in a chroot, nothing running, no line."""
    overlay = Overlay(tmp_path_factory.mktemp("installed"), ROOT / "root")
    target = overlay.root / "root/loquet.deb"
    target.write_bytes(packages[0].read_bytes())
    done = overlay.run("dpkg", "-i", "/root/loquet.deb")
    assert done.returncode == 0, done.stdout + done.stderr
    overlay.close()
    return overlay.upper


@pytest.fixture
def board(tmp_path):
    """The simulated board outside, wired as the shipped settings say."""
    settings = tmp_path / "controller.toml"
    settings.write_text((REPOSITORY / "config/controller.toml").read_text(encoding="utf-8"), encoding="utf-8")
    with Stage(settings) as stage:
        stage.start_board()
        (tmp_path / "board.sock").chmod(0o777)
        tmp_path.chmod(0o755)  # the daemon inside is another user
        stage.folder = tmp_path
        yield stage


@pytest.fixture
def boot(board, tmp_path):
    """Boot containers on a root of layers; each is ended with the test."""
    opened = []

    def act(*lower, drop_in="", binds=()):
        if not opened or not isinstance(opened[0], Overlay):
            opened.insert(0, Overlay(tmp_path / "layers", *lower))
        container = Container(opened[0].root, board.folder, drop_in=drop_in, binds=binds)
        opened.append(container)
        return container

    yield act
    for each in reversed(opened):
        each.close()


@pytest.fixture
def pi(boot, installed_root):
    """A booted Debian with Loquet installed, its daemon running, one machine, and Marie who may use it."""
    container = boot(installed_root, ROOT / "root")
    container.ready()
    container.good("loquet whitelist require laser laser-training")
    container.good('loquet whitelist grant marie laser-training --badge 04A3C6CAE26180 --name "Marie Curie"')
    return container
