"""Rebuild ``gb2260.csv`` from the source distribution of the package GB2260 0.4.1 (see NOTICE).

    python -m jintu.kernel.divisions.build GB2260-0.4.1/gb2260/data.py

The package holds 17 states of the list (mid-2003, March and September 2004, mid-2005, and the ends of 2002–2014). What
changed between two states is dated to the day after the earlier one: the days themselves are not in the source.
"""

from __future__ import annotations

import ast
import calendar
import csv
import datetime as dt
import sys
from pathlib import Path

__all__ = ["revision_day", "rows"]

LATEST = 2014


def revision_day(key: int | None) -> dt.date:
    """Last day of the year or month of a revision key: 2013, 200306, None for the latest.

    >>> revision_day(200306), revision_day(None)
    (datetime.date(2003, 6, 30), datetime.date(2014, 12, 31))
    """
    key = key or LATEST
    year, month = (key // 100, key % 100) if key > 9999 else (key, 12)
    return dt.date(year, month, calendar.monthrange(year, month)[1])


def rows(revisions: dict[int | None, dict[int, str]]) -> list[tuple[str, str, str, str]]:
    """(code, name, valid_from, valid_to) for each unbroken span in which a code has one name; "" = open end."""
    days = sorted((revision_day(key), names) for key, names in revisions.items())
    spans: dict[str, list[list[str]]] = {}
    for i, (_, names) in enumerate(days):
        start = (days[i - 1][0] + dt.timedelta(days=1)).isoformat() if i else ""
        end = days[i][0].isoformat() if i < len(days) - 1 else ""
        before = days[i - 1][0].isoformat() if i else None
        for number, name in names.items():
            known = spans.setdefault(f"{number:06d}", [])
            if known and known[-1][0] == name and known[-1][2] == before:
                known[-1][2] = end
            else:
                known.append([name, start, end])
    return [(code, name, start, end) for code in sorted(spans) for name, start, end in spans[code]]


def main(source: str) -> None:
    tree = ast.parse(Path(source).read_text("utf-8"))
    assignment = next(node for node in tree.body if isinstance(node, ast.Assign))
    table = rows(ast.literal_eval(assignment.value))
    with (Path(__file__).parent / "gb2260.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("code", "name", "valid_from", "valid_to"))
        writer.writerows(table)
    sys.stdout.write(f"{len(table)} rows\n")


if __name__ == "__main__":
    main(sys.argv[1])
