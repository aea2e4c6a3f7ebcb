"""What every statement would read: SQLite's own plan of it, asked of what was really run.

Collects the statements of every connection that is opened meanwhile, in this process.
"""

import contextlib
import re
import sqlite3


@contextlib.contextmanager
def collected():
    """Give the set into which each statement that is run goes, values filled in."""
    found = set()
    real = sqlite3.connect

    def connect(*arguments, **named):
        connection = real(*arguments, **named)
        connection.set_trace_callback(found.add)
        return connection

    modules = (sqlite3, sqlite3.dbapi2)
    for module in modules:
        module.connect = connect
    try:
        yield found
    finally:
        for module in modules:
            module.connect = real


def shape(sql):
    """A statement without its values: those of one shape have one plan."""
    return re.sub(r"'(?:[^']|'')*'|\b\d+(\.\d+)?\b", "?", re.sub(r"\(\?(, ?\?)*\)", "(…)", sql))


def whole_scans(connection, statements, growing):
    """Give the statements that read a whole table of those that grow: {shape: its plan's line}.

    The first of a table in its own order, and no more of it, is no scan: it has a limit and nothing to look for. All of
    one controller's is one.
    """
    by_shape = {shape(sql): sql for sql in statements}
    found = {}
    for one, sql in by_shape.items():
        if not re.match(r"\s*(select|delete|update|insert|with|replace)\b", sql, re.IGNORECASE):
            continue
        try:
            plan = [row[3] for row in connection.execute(f"explain query plan {sql}").fetchall()]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) or "no such column" in str(error):
                continue
            raise
        tables = "|".join(growing)
        named = re.findall(rf'\b({tables})"?\s+(?:as\s+)?"?(\w+)', sql, re.IGNORECASE)
        alias = {short: table for table, short in named} | {table: table for table in growing}
        sorts = any("TEMP B-TREE" in line for line in plan)
        first_only = re.search(r"\blimit\b", sql, re.IGNORECASE) and not re.search(r"\bwhere\b", sql, re.IGNORECASE)
        for line in plan:
            scanned = re.match(r"SCAN (\w+)|SEARCH (\w+) USING .*\((?:device_id|stream_id)=\?\)$", line)
            name = scanned and (scanned[1] or scanned[2])
            limited = first_only or (scanned and scanned[2] and re.search(r"\blimit\b", sql, re.IGNORECASE))
            if name and alias.get(name, name) in growing and (sorts or not limited):
                found[one] = line
    return found
