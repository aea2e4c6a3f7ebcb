"""The kernel: Debian's own for arm64, two modules out of its source that it was built without, one of ours; the first
root that it needs, and the device tree that makes QEMU's board look like a Raspberry Pi."""

from __future__ import annotations

import lzma
import re
import shutil
import tarfile
from pathlib import Path

from debian import ARCH, CACHE, HERE, KBUILD, SOURCE, Apt, PiError, digest, kept, run

KERNEL = CACHE / "kernel"
TREE = KERNEL / "tree"
DTB = KERNEL / "board.dtb"
INITRD = KERNEL / "initrd.cpio"
REVISION = "c03114"  # a Raspberry Pi 4B
EARLY = ("virtio_pci", "virtio_blk", "virtio_console", "virtio_rng", "crc32c_generic", "ext4")
LATER = ("configfs", "gpio_sim_oot", "spi_far", "spidev", "uinput", "evdev")
FROM_DEBIAN = {"gpio-sim.c": "drivers/gpio", "gpiolib.h": "drivers/gpio", "irq_sim.c": "kernel/irq"}
# What a module may not use of the kernel, and what it may in its place; what it needs not export any more.
# A line is where its contact puts it, whatever pull a program asks for: gpio-sim's goes against the contact, and wins.
# And a line that is let go falls to its pull, as on Debian's kernel, or keeps its level, as on Raspberry Pi OS: `keep`.
PATCHES = (
    ("irq_sim.c", r"handle_simple_irq\(irq_to_desc\(irqnum\)\)", "generic_handle_irq(irqnum)"),
    ("irq_sim.c", r"EXPORT_SYMBOL_GPL\(\w+\);", ""),
    (
        "gpio-sim.c",
        r"(case PIN_CONFIG_BIAS_PULL_\w+:\s+)return gpio_sim_apply_pull\(chip, offset, [01]\);",
        r"\1return 0;",
    ),
    ("gpio-sim.c", r"static void gpio_sim_free", r"static bool keep;\nmodule_param(keep, bool, 0644);\n\n\g<0>"),
    ("gpio-sim.c", r"__assign_bit\(offset, chip->value_map, !!test_bit", r"if (!keep)\n\t\t\g<0>"),
)
INIT = """#!/bin/sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
{insert}
i=0; while [ ! -b /dev/vda ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i+1)); done
mount -t ext4 /dev/vda /root || {{ echo "no root"; ls /dev; sleep 5; exit 1; }}
for each in proc sys dev; do mount --move /$each /root/$each; done
exec switch_root /root /sbin/init
"""


def version() -> str:
    """Return the release of the kernel that was unpacked."""
    return next((TREE / "lib/modules").iterdir()).name


def image() -> Path:
    """Return the kernel that QEMU loads."""
    return TREE / "boot" / f"vmlinuz-{version()}"


def build() -> str:
    """Make everything that is not there; return its stamp."""
    ours = sorted((HERE / "kernel").iterdir())
    stamp = digest(Path(__file__), *ours, SOURCE.stat().st_size.to_bytes(8, "big"))
    kept(KERNEL, stamp, _make, "the kernel and its modules (a minute or two)")
    return stamp


def _make(folder: Path) -> None:
    apt = Apt(folder / "apt")
    apt.update()
    name = next((each for each in apt.depends(f"linux-image-{ARCH}") if each.startswith("linux-image-")), None)
    if name is None:
        raise PiError(f"apt knows no linux-image-{ARCH}")
    headers = name.replace("-image-", "-headers-")
    common = f"{headers.removesuffix(f'-{ARCH}')}-common"
    apt.unpack([name, headers, common, "busybox-static"], TREE)
    shutil.rmtree(folder / "apt")
    _compile(folder / "build", TREE / "usr/src" / headers, TREE / "usr/src" / common)
    run("depmod", "-b", TREE, version())
    _initrd(folder / "initrd")
    _device_tree()


def _compile(folder: Path, headers: Path, common: Path) -> None:
    """Build the modules out of tree, with this machine's cross compiler and its own kbuild."""
    _take_source(folder)
    for path in (HERE / "kernel").iterdir():
        shutil.copy(path, folder)
    for makefile in headers.rglob("Makefile"):
        makefile.write_text(makefile.read_text().replace("/usr/src/linux-headers", f"{TREE}/usr/src/linux-headers"))
    for link in (base / there for base in (headers, common) for there in ("scripts", "tools")):
        if link.is_symlink():
            link.unlink()
            link.symlink_to(KBUILD / link.name)
    run("make", "-C", headers, f"M={folder}", "ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-", "modules")
    extra = TREE / "lib/modules" / version() / "extra"
    extra.mkdir()
    for path in folder.glob("*.ko"):
        shutil.copy(path, extra)


def _take_source(folder: Path) -> None:
    """Take the files that are wanted out of the kernel's source, and patch them."""
    folder.mkdir()
    wanted = {f"linux-source-6.1/{there}/{name}": name for name, there in FROM_DEBIAN.items()}
    with tarfile.open(SOURCE) as source:
        for member in source:
            found = source.extractfile(member) if member.name in wanted else None
            if found is not None:
                (folder / wanted.pop(member.name)).write_bytes(found.read())
            if not wanted:
                break
    for name, before, after in PATCHES:
        text, count = re.subn(before, after, (folder / name).read_text())
        if not count:
            raise PiError(f"{SOURCE.name}: {name} is not the one that this was written for: no {before}")
        (folder / name).write_text(text)


def closure(names: tuple[str, ...]) -> list[Path]:
    """Return the files of modules and of what they stand on, in the order in which they go in."""
    base = TREE / "lib/modules" / version()
    needs, paths = {}, {}
    for line in (base / "modules.dep").read_text().splitlines():
        name, _, rest = line.partition(":")
        needs[name] = rest.split()
        paths[_plain(name)] = name
    built_in = {_plain(line) for line in (base / "modules.builtin").read_text().splitlines()}
    order: list[str] = []
    for name in names:
        if name in built_in:
            continue
        if name not in paths:
            raise PiError(f"this kernel has no module {name}")
        order += [each for each in (*reversed(needs[paths[name]]), paths[name]) if each not in order]
    return [base / each for each in order]


def _plain(path: str) -> str:
    return Path(path).name.split(".ko")[0].replace("-", "_")


def install(root: Path) -> None:
    """Put the modules that the guest loads by itself into its root, and nothing of the thousands of others."""
    there = root / "lib/modules" / version()
    base = TREE / "lib/modules" / version()
    for path in (*closure(LATER), base / "modules.order", base / "modules.builtin", base / "modules.builtin.modinfo"):
        target = there / path.relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    run("depmod", "-b", root, version())


def _initrd(folder: Path) -> None:
    """Make the first root: Debian's busybox and the modules that the real one is reached by."""
    for name in ("bin", "proc", "sys", "dev", "run", "root", "m"):
        (folder / name).mkdir(parents=True)
    shutil.copy(next(TREE.glob("**/bin/busybox")), folder / "bin/busybox")
    (folder / "bin/sh").symlink_to("busybox")
    insert = []
    for path in closure(EARLY):
        data = path.read_bytes()
        name = f"{_plain(str(path))}.ko"
        (folder / "m" / name).write_bytes(lzma.decompress(data) if path.suffix == ".xz" else data)
        insert.append(f"insmod /m/{name} || echo failed {name}")
    (folder / "init").write_text(INIT.format(insert="\n".join(insert)))
    (folder / "init").chmod(0o755)
    run("sh", "-c", f"find . -print0 | cpio --null -o -H newc --quiet > '{INITRD}'", cwd=folder)


def _device_tree() -> None:
    """Take -M virt's own tree, less its GPIO chip, so that gpio-sim's is the first; add the board's revision."""
    run(
        "qemu-system-aarch64", "-M", f"virt,dumpdtb={DTB}", "-cpu", "cortex-a53", "-smp", "2", "-m", "512",
        "-nodefaults", "-display", "none", "-device", "virtio-serial-pci", "-serial", "null",
    )  # fmt: skip
    for node in run("fdtget", "-l", DTB, "/").split():
        if node.startswith("pl061") or node in {"gpio-keys", "gpio-poweroff", "gpio-restart"}:
            run("fdtput", "-r", DTB, f"/{node}")
    run("fdtput", "-p", "-t", "x", DTB, "/system", "linux,revision", REVISION)
    run("fdtput", "-t", "s", DTB, "/", "model", "Raspberry Pi 4 Model B Rev 1.4 (emulated)")


if __name__ == "__main__":
    from debian import check_needs

    check_needs()
    build()
