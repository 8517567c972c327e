"""The list of problems of a refused file, as a spreadsheet to correct it by."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from jintu.foundation.operations import files
from jintu.foundation.operations.errors import tell
from jintu.kernel.errors import InputError

if TYPE_CHECKING:
    from jintu.foundation.operations.models import StoredFile

__all__ = ["spreadsheet"]


def spreadsheet(problems: Sequence[InputError], file: str) -> StoredFile:
    """Row, field, part, ring, vertex, what is wrong and what to do; kept in the file store."""
    import xlsxwriter

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
    out.seek(0)
    return files.store(out, f"{file.rpartition('.')[0] or file}-problems.xlsx")
