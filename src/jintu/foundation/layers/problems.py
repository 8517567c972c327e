"""The list of problems of a refused file, as a spreadsheet to correct it by."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from jintu.foundation.operations import files
from jintu.foundation.operations.errors import tell
from jintu.kernel.errors import InputError

if TYPE_CHECKING:
    from jintu.foundation.operations.models import StoredFile

__all__ = ["spreadsheet", "workbook"]

SHEET = 1_000_000
"""Row numbers in a column; a sheet has a few more rows."""


def spreadsheet(problems: Sequence[InputError], file: str, rows: Iterable[int] = ()) -> StoredFile:
    """The `workbook`, kept in the file store under a name like the file's."""
    return files.store(workbook(problems, rows), f"{file.rpartition('.')[0] or file}-problems.xlsx")


def workbook(problems: Sequence[InputError], rows: Iterable[int] = ()) -> io.BytesIO:
    """Row, field, part, ring, vertex, what is wrong and what to do; of ``rows``, the numbers of all rows concerned,
    those that have no line there are on a second sheet."""
    import xlsxwriter

    further = sorted(set(rows) - {error.place.row for error in problems})
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(_("Problems")[:31])
        head = book.add_format({"bold": True, "bottom": 1})
        titles = (_("Row"), _("Field"), _("Part"), _("Ring"), _("Vertex"), _("What is wrong"), _("What to do"))
        for i, (title, width) in enumerate(zip(titles, (8, 14, 6, 6, 8, 70, 60), strict=True)):
            sheet.write(0, i, title, head)
            sheet.set_column(i, i, width)
        sheet.freeze_panes(1, 0)
        for n, error in enumerate(problems, start=1):
            told, place = tell(error), error.place
            cells = (place.row, place.field, place.part, place.ring, place.vertex, told.sentence, told.remedy)
            for i, cell in enumerate(cells):
                if cell is not None:
                    sheet.write(n, i, cell)
        if further:
            sheet = book.add_worksheet(_("Further rows")[:31])
            for i, start in enumerate(range(0, len(further), SHEET)):
                sheet.write(0, i, _("Row"), head)
                sheet.write_column(1, i, further[start : start + SHEET])
    out.seek(0)
    return out
