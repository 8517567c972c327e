"""The findings queue as a workbook, streamed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from .models import Finding, Severity

__all__ = ["workbook"]

LIMIT = 100_000


def workbook(rows: QuerySet[Finding], rule_name: Callable[[str], str]) -> Iterator[bytes]:
    """Rows of the queue in constant memory; at most 100 000."""
    import xlsxwriter

    heads = (
        (_("finding number"), 18),
        (_("severity"), 8),
        (_("rule"), 8),
        (_("rule name"), 30),
        (_("division"), 14),
        (_("subject"), 40),
        (_("area m²"), 14),
        (_("days"), 8),
        (_("state"), 12),
        (_("standing"), 14),
        (_("due"), 12),
        (_("objects"), 60),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "findings.xlsx"
        book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
        sheet = book.add_worksheet("findings")
        bold, day, area = (
            book.add_format({"bold": True}),
            book.add_format({"num_format": "yyyy-mm-dd"}),
            book.add_format({"num_format": "#,##0.00"}),
        )
        sheet.freeze_panes(1, 1)
        for column, (title, width) in enumerate(heads):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, str(title), bold)
        found = rows.order_by("-risk", "-id").defer("geom", "values")[:LIMIT]
        for number, f in enumerate(found.iterator(chunk_size=2000), start=1):
            texts = {
                0: f.number,
                1: str(Severity(f.severity).label),
                2: f.rule,
                3: rule_name(f.rule),
                4: f.division,
                5: f.subject,
                8: f.get_state_display(),
                9: f.get_standing_display(),
                11: "; ".join(f"{register} {key}" for register, key in f.objects_json),
            }
            for column in range(len(heads)):
                if column in texts:
                    sheet.write_string(number, column, str(texts[column]))
                elif column == 6 and f.area_m2 is not None:
                    sheet.write_number(number, column, float(f.area_m2), area)
                elif column == 7 and f.days is not None:
                    sheet.write_number(number, column, f.days)
                elif column == 10 and f.due_on:
                    sheet.write_datetime(number, column, f.due_on, day)
        book.close()
        with path.open("rb") as stream:
            while block := stream.read(1 << 16):
                yield block
