"""The annual change as a spreadsheet: matrices, list of change patches (变更一览表), and the checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.utils.translation import override

from . import words
from .change import Changes, Matrix
from .workbook import OWNERS, UNITS, Forms

if TYPE_CHECKING:
    import polars as pl

__all__ = ["write"]

LISTED = 100_000
"""Change patches in the list; a county has a few thousand a year."""
LIST = (
    ("序号", 8),
    ("座落单位代码", 16),
    ("座落单位名称", 18),
    ("变更前图斑编号", 12),
    ("变更前标识码", 12),
    ("变更前地类", 10),
    ("变更前权属", 10),
    ("变更后图斑编号", 12),
    ("变更后标识码", 12),
    ("变更后地类", 10),
    ("变更后权属", 10),
    ("变更面积", 16),
    ("批准文号", 30),
    ("变更日期", 12),
    ("变更记录号", 16),
)


def write(changes: Changes, path: Path, prefix: str = "") -> None:
    """Everything of a division's changes."""
    import xlsxwriter

    with (
        override("zh-hans"),
        xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book,
    ):
        summary = changes.summaries[1]
        forms = Forms(book, summary, prefix or summary.top())
        span = f"{changes.old.name} 至 {changes.new.name}"
        for name, level, unit in (("三大类", "three", "ha"), ("一级类", "first", "ha"), ("二级类", "second", "ha")):
            _matrix(
                forms,
                f"平衡表{name}",
                f"土地利用现状变更平衡表({name}) {span}",
                changes.matrix(prefix, level, unit),
                level,
            )
        _matrix(
            forms,
            "平衡表二级类m2",
            f"土地利用现状变更平衡表(二级类) {span}",
            changes.matrix(prefix, "second", "m2"),
            "second",
        )
        _list(forms, f"土地利用现状变更一览表 {span}", changes.pieces)
        forms.checks(changes.identities(prefix), [])


def _matrix(forms: Forms, name: str, title: str, matrix: Matrix, level: str) -> None:
    """Rows: classes before; columns: classes after. The diagonal is what stayed."""
    width = len(matrix.names) + 4
    sheet = forms.sheet(name, title, UNITS[matrix.unit], width)
    heads = ("变更前地类", "年初面积", *(words.class_name(n, level) for n in matrix.names), "年内减少")
    for i, head in enumerate(heads):
        sheet.write(2, i, head, forms.head)
    sheet.set_row(2, 45)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, width, 12)
    row = 3
    for before in matrix.names:
        sheet.write(row, 0, words.class_name(before, level), forms.text)
        sheet.write_number(row, 1, matrix.opening[before] / 100, forms.area_bold)
        for i, after in enumerate(matrix.names):
            sheet.write_number(row, 2 + i, matrix.flows.get((before, after), 0) / 100, forms.area)
        sheet.write_number(row, 2 + len(matrix.names), matrix.out(before) / 100, forms.area_bold)
        row += 1
    for word, value in (("年内增加", matrix.into), ("年末面积", matrix.closing.__getitem__)):
        sheet.write(row, 0, word, forms.bold)
        total = 0
        for i, name_ in enumerate(matrix.names):
            sheet.write_number(row, 2 + i, value(name_) / 100, forms.area_bold)
            total += value(name_)
        sheet.write_number(row, 1, total / 100, forms.area_bold)
        sheet.write_blank(row, 2 + len(matrix.names), None, forms.text)
        row += 1
    sheet.freeze_panes(3, 2)
    sheet.repeat_rows(0, 2)
    forms.foot(sheet, row)


def _list(forms: Forms, title: str, pieces: pl.DataFrame) -> None:
    sheet = forms.sheet("变更一览表", title, UNITS["m2"], len(LIST))
    for i, (head, width) in enumerate(LIST):
        sheet.write(2, i, head, forms.head)
        sheet.set_column(i, i, width)
    for n, piece in enumerate(pieces.head(LISTED).iter_rows(named=True)):
        side = "new" if piece["new_village"] else "old"
        cells = (
            str(n + 1),
            piece[f"{side}_village"],
            piece[f"{side}_location_name"],
            *(piece[f"old_{k}"] for k in ("patch_no", "bsm", "code")),
            OWNERS.get(piece["old_own"] or "-", ""),
            *(piece[f"new_{k}"] for k in ("patch_no", "bsm", "code")),
            OWNERS.get(piece["new_own"] or "-", ""),
            None,
            piece["approval_no"],
            piece["changed_on"].isoformat() if piece["changed_on"] else "",
            piece["change_no"],
        )
        for i, cell in enumerate(cells):
            sheet.write_string(3 + n, i, cell or "", forms.text)
        sheet.write_number(3 + n, 11, piece["area"] / 100, forms.area)
    row = 3 + min(len(pieces), LISTED)
    if len(pieces) > LISTED:
        sheet.write(row, 0, f"另有 {len(pieces) - LISTED} 个变更图斑未列出", forms.plain)
        row += 1
    sheet.freeze_panes(3, 0)
    sheet.repeat_rows(0, 2)
    forms.foot(sheet, row)
