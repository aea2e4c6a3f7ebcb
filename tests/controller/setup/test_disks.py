"""What the kernel says is mounted tells whether what is written outlives a power cut, and where the sticks are."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from controller.commands import stick_files
from controller.setup import disks

READ_ONLY = """overlay / overlay ro,relatime,lowerdir=/media/root-ro,upperdir=/media/root-rw 0 0
/dev/mmcblk0p3 /var/lib/loquet ext4 rw,noatime 0 0
/dev/sda1 /media/my\\040stick vfat rw 0 0
"""


def test_a_read_only_root_with_a_partition_of_its_own_keeps_the_data():
    found = disks.mounts(READ_ONLY)
    root, data = disks.under(Path("/"), found), disks.under(Path("/var/lib/loquet"), found)
    assert root.forgets and not root.is_writable
    assert not data.forgets and data.kind == "ext4"
    assert disks.under(Path("/home/pi"), found).forgets, "an overlay forgets"
    assert disks.under(Path("/media/my stick/loquet"), found).kind == "vfat"


def test_a_stick_is_found_whatever_its_name(tmp_path, monkeypatch):
    mounted = tmp_path / "mounts"
    mounted.write_bytes(
        "/dev/mmcblk0p2 / ext4 rw 0 0\n/dev/sda1 /media/pi/CLÉ\\040ŒUVRES\u2028鍵 vfat rw 0 0\n"
        "tmpfs /media/none tmpfs rw 0 0\n/dev/sdb1 /mnt/\\134n vfat rw 0 0\n".encode()
        + b"/dev/sdc1 /media/\xe9 vfat rw 0 0\n"
    )
    monkeypatch.setattr(disks, "MOUNTS", mounted)
    found = [bytes(each) for each in stick_files.sticks()]
    assert found == ["/media/pi/CLÉ ŒUVRES\u2028鍵".encode(), b"/mnt/\\n", b"/media/\xe9"]


@given(st.text(max_size=200))
def test_of_whatever_stands_there_nothing_breaks(text):
    found = disks.mounts(text)
    disks.under(Path("/var/lib/loquet"), found)
