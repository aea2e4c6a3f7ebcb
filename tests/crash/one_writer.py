"""A process that commits rows to a SQLite database one by one, and says so after each: `ack N`."""

import argparse
import os
import sqlite3


def body(number):
    """Give what row `number` holds: some 300 bytes, and every seventh more than a page."""
    return f"{number} " * (2_000 if number % 7 == 0 else 75)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--journal", default="wal")
    parser.add_argument("--synchronous", default="full")
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--checkpoint", type=int, default=1000, help="pages in the WAL; 0 is never")
    parser.add_argument("--early", action="store_true", help="say so before it is true")
    asked = parser.parse_args()
    connection = sqlite3.connect(asked.path, isolation_level=None)
    connection.execute(f"pragma journal_mode={asked.journal}")
    connection.execute(f"pragma synchronous={asked.synchronous}")
    connection.execute(f"pragma wal_autocheckpoint={asked.checkpoint}")
    connection.execute("create table if not exists lines (number integer primary key, body text not null)")
    connection.execute("create index if not exists bodies on lines (body)")
    for number in range(1, asked.rows + 1):
        if asked.early:
            os.write(1, b"ack %d\n" % number)
        connection.execute("insert into lines values (?, ?)", [number, body(number)])
        if not asked.early:
            os.write(1, b"ack %d\n" % number)  # one call, however Python buffers
    connection.close()


if __name__ == "__main__":
    main()
