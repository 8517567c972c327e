"""The report of an inspection as a workbook: 汇总 (score and verdict), 规则, 错误."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from jintu.foundation.layers import read_record

from . import fields, keeping
from .lacking import lacking

if TYPE_CHECKING:
    from .models import Inspection

__all__ = ["workbook"]

LIMIT = 200_000
PIECE = 5_000
BLOCK = 1 << 16


def workbook(inspection: Inspection, name_of: Callable[[str], str]) -> Iterator[bytes]:
    """The bytes of the workbook; at most 200 000 errors, in constant memory."""
    import xlsxwriter

    with tempfile.TemporaryDirectory(prefix="jintu-report-") as folder:
        path = Path(folder) / "inspection.xlsx"
        book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
        bold = book.add_format({"bold": True})
        _summary(book.add_worksheet(_("summary")), inspection, bold)
        _rules(book.add_worksheet(_("rules")), inspection, name_of, bold)
        _errors(book.add_worksheet(_("errors")), inspection, name_of, bold)
        book.close()
        with path.open("rb") as stream:
            while block := stream.read(BLOCK):
                yield block


def _summary(sheet: Any, inspection: Inspection, bold: Any) -> None:
    version = inspection.version
    rows = [
        (_("layer"), f"{version.schema.table} {version.schema.label}"),
        (_("division"), version.division),
        (_("version"), version.name),
        (_("hash"), version.hash),
        (_("score"), inspection.score),
        (_("verdict"), _("qualified") if inspection.accepted else _("not qualified")),
        (_("fatal errors"), inspection.fatal),
        (_("serious errors"), inspection.serious),
        (_("slight errors"), inspection.slight),
        (_("inspected at"), inspection.created_at.isoformat(timespec="seconds")),
    ]
    mapped = read_record.told(version.schema, version.quality.get("reading") or {})
    rows += [(_("mapped columns"), "; ".join(mapped))] if mapped else []
    rows += [(name, f"{facts['name']} {facts['hash']}") for name, facts in inspection.inputs.items()]
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 90)
    for number, (label, value) in enumerate(rows):
        sheet.write_string(number, 0, str(label), bold)
        sheet.write(number, 1, value)


def _head(sheet: Any, titles: list[tuple[str, int]], bold: Any) -> None:
    sheet.freeze_panes(1, 0)
    for column, (title, width) in enumerate(titles):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, bold)


def _rules(sheet: Any, inspection: Inspection, name_of: Callable[[str], str], bold: Any) -> None:
    titles = [(_("rule"), 8), (_("severity"), 8), (_("name"), 40), (_("table"), 10), (_("errors"), 12)]
    _head(sheet, [*titles, (_("set aside"), 10), (_("not run"), 24), (_("seconds"), 10)], bold)
    for number, o in enumerate(inspection.outcomes, start=1):
        cells = (o["rule"], o["severity"], name_of(o["rule"]), o["table"])
        for column, text in enumerate(cells):
            sheet.write_string(number, column, text)
        sheet.write_number(number, 4, o["count"])
        sheet.write_number(number, 5, o.get("aside", 0))
        sheet.write_string(number, 6, lacking(o))
        sheet.write_number(number, 7, o["seconds"])


def _errors(sheet: Any, inspection: Inspection, name_of: Callable[[str], str], bold: Any) -> None:
    titles = [(_("rule"), 8), (_("severity"), 8), (_("name"), 40), (_("table"), 10), (_("identifier"), 14)]
    titles += [(_("field"), 12), (_("value"), 30), (_("expected"), 30), (_("state"), 14), (_("reason"), 40)]
    _head(sheet, titles, bold)
    number = 0
    for start in range(0, LIMIT, PIECE):
        rows, _count = keeping.errors_of(inspection, "", start, PIECE)
        for row in rows:
            number += 1
            mark = row["mark"]
            label, code = fields.said(inspection.version.schema, row["field"])
            cells = [row["rule"], row["severity"], name_of(row["rule"]), row["table"], row["key"]]
            cells += [code or label, row["value"], row["expected"]]
            cells += [str(mark.get_state_display()) if mark else "", mark.reason if mark else ""]
            for at, text in enumerate(cells):
                sheet.write_string(number, at, text)
        if len(rows) < PIECE:
            break
