"""Files of a database that somebody here may have open: read and written by another process.

Opening one beside SQLite in this process would drop the locks that it has (tests/openings says so).
"""

import subprocess


def read(path):
    return subprocess.run(["cat", "--", path], check=True, capture_output=True).stdout


def write(path, content):
    subprocess.run(["tee", "--", path], input=content, check=True, stdout=subprocess.DEVNULL)


def all_of(folder):
    """All that stands in the files below a folder."""
    return b"".join(read(path) for path in folder.rglob("*") if path.is_file())
