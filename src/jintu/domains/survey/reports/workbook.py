"""The tables as a spreadsheet: one sheet for each table, in the layout of the survey's printed forms.

Title, table number and unit above, merged heads, a row for each division, the filling unit and the day below; A3
landscape, the heads repeated on every page. Sheets are Chinese whatever the reader's language: they are the forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils.translation import override

from . import grid, tables, words

if TYPE_CHECKING:
    from .equations import Identity
    from .summary import Result, Summary

__all__ = ["OWNERS", "UNITS", "Forms", "write"]

UNITS = {"ha": "公顷", "mu": "亩", "m2": "平方米"}
OWNERS = {"": "合计", "state": "国有", "collective": "集体"}
AREA = "#,##0.00_ ;[Red]-#,##0.00 ;0.00_ "
A3 = 8
SIGNED = "填表人:            审核人:            负责人:            填表日期:      年   月   日"
NAME, CODE = "行政区名称", "行政区代码"


def write(summary: Summary, path: Path, prefix: str = "") -> None:
    """All tables of a division: in hectares down to the townships, then in m² down to the villages."""
    import xlsxwriter

    prefix = prefix or summary.top()
    deep = any(len(d) == 12 and d.startswith(prefix) and d != prefix for d in summary.divisions())
    with (
        override("zh-hans"),
        xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book,
    ):
        writer = Forms(book, summary, prefix)
        missing: list[Result] = []
        for table in tables.all_tables():
            result = summary.table(table, prefix, "m2" if len(prefix) == 12 else "ha", depth=_depth(summary, prefix))
            if result.needs:
                missing.append(result)
            elif table.layout == "ridge":
                writer.ridges(result)
            else:
                writer.areas(f"表{table.number}", result)
        if deep:
            for number in ("1", "3", "5", "6"):
                table = tables.get(number)
                assert table is not None
                result = summary.table(table, prefix, "m2", depth=9)
                if not result.needs:
                    writer.areas(f"表{number}村级", result)
        writer.checks(summary.identities(prefix), missing)


def _depth(summary: Summary, prefix: str) -> int:
    """Down to the townships: in a county one level, in a city two."""
    lengths = sorted({len(d) for d in summary.divisions() if d.startswith(prefix) and len(prefix) < len(d) <= 9})
    return max(1, len(lengths))


class Forms:
    """Sheets of a workbook in the printed layout: styles, title and foot, tables of areas, ridges, checks."""

    def __init__(self, book: Any, summary: Summary, prefix: str) -> None:
        self.book = book
        self.summary = summary
        self.prefix = prefix
        font = {"font_name": "宋体", "font_size": 10}
        box = font | {"border": 1, "valign": "vcenter"}
        self.title = book.add_format(font | {"font_size": 18, "bold": True, "align": "center", "valign": "vcenter"})
        self.plain = book.add_format(font)
        self.right = book.add_format(font | {"align": "right"})
        self.head = book.add_format(box | {"align": "center", "text_wrap": True, "bold": True})
        self.text = book.add_format(box)
        self.bold = book.add_format(box | {"bold": True})
        self.area = book.add_format(box | {"num_format": AREA})
        self.area_bold = book.add_format(box | {"num_format": AREA, "bold": True})
        self.ratio = book.add_format(box | {"num_format": "0.0000"})
        self.count = book.add_format(box | {"num_format": "#,##0"})
        self.green = book.add_format(box | {"bg_color": "#D9F2D9"})
        self.orange = book.add_format(box | {"bg_color": "#FFD9A8"})

    def sheet(self, name: str, title: str, unit: str, width: int) -> Any:
        sheet = self.book.add_worksheet(name[:31])
        sheet.set_landscape()
        sheet.set_paper(A3)
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.6)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&C第 &P 页 共 &N 页")
        sheet.set_row(0, 32)
        if width > 1:
            sheet.merge_range(0, 0, 0, width - 1, title, self.title)
        else:
            sheet.write(0, 0, title, self.title)
        sheet.write(1, 0, f"填表单位:{words.division(self.summary, self.prefix)}(盖章)", self.plain)
        sheet.write(1, width - 1, f"{name}  单位:{unit}", self.right)
        return sheet

    def foot(self, sheet: Any, row: int) -> None:
        names = "、".join(f"{v.division} {v.name} {v.hash[:19]}" for v in self.summary.pieces[:4])
        sheet.write(row + 1, 0, f"数据:地类图斑 {names}", self.plain)
        sheet.write(
            row + 2,
            0,
            SIGNED,
            self.plain,
        )

    def areas(self, name: str, result: Result) -> None:
        """A table of areas by division."""
        first = [NAME, CODE, *(["权属性质"] if result.table.by_owner else [])]
        width = len(first) + len(result.columns)
        sheet = self.sheet(name, result.table.zh, UNITS[result.unit], width)
        for i, word in enumerate(first):
            self._merge(sheet, (2, i, 3, i), word, self.head)
        self._heads(sheet, len(first), result.columns)
        sheet.set_column(0, 0, 22)
        sheet.set_column(1, 1, 15)
        sheet.set_column(2, width - 1, 12)
        row = 4
        for line in result.lines:
            depth = max(0, line.level - len(self.prefix)) // 3
            bold = line.prefix == self.prefix and not line.own
            sheet.write(
                row, 0, "  " * depth + words.division(self.summary, line.prefix), self.bold if bold else self.text
            )
            sheet.write_string(row, 1, line.code, self.text)
            if result.table.by_owner:
                sheet.write(row, 2, OWNERS[line.own], self.text)
            for i, value in enumerate(line.cells):
                heavy = bold or result.columns[i].total
                sheet.write_number(row, len(first) + i, value / 100, self.area_bold if heavy else self.area)
            if line.level > len(self.prefix):
                sheet.set_row(row, None, None, {"level": min(depth + 1, 7)})
            row += 1
        sheet.freeze_panes(4, len(first))
        sheet.repeat_rows(0, 3)
        sheet.repeat_columns(0, len(first) - 1)
        self.foot(sheet, row)

    def _heads(self, sheet: Any, start: int, columns: Sequence[tables.Column]) -> None:
        at = 0
        while at < len(columns):
            group = columns[at].head[0][0]
            if len(columns[at].head) == 1:
                self._merge(sheet, (2, start + at, 3, start + at), group, self.head)
                at += 1
                continue
            end = at
            while end < len(columns) and len(columns[end].head) > 1 and columns[end].head[0][0] == group:
                sheet.write(3, start + end, columns[end].head[1][0], self.head)
                end += 1
            self._merge(sheet, (2, start + at, 2, start + end - 1), group, self.head)
            at = end

    @staticmethod
    def _merge(sheet: Any, box: tuple[int, int, int, int], word: str, style: Any) -> None:
        if box[:2] == box[2:]:
            sheet.write(box[0], box[1], word, style)
        else:
            sheet.merge_range(*box, word, style)

    def ridges(self, result: Result) -> None:
        """Table 12."""
        heads = ("县级代码", "坡度级", "耕地类型", "田坎系数", "批准系数", "图斑数", "计算面积", "田坎面积")
        sheet = self.sheet("表12", result.table.zh, "平方米", len(heads))
        for i, word in enumerate(heads):
            sheet.write(2, i, word, self.head)
        sheet.set_column(0, len(heads) - 1, 14)
        kinds = {"T": "梯田", "P": "坡地"}
        row = 3
        for line in result.ridges:
            sheet.write_string(row, 0, line.county, self.text)
            sheet.write_string(row, 1, line.slope, self.text)
            sheet.write_string(row, 2, kinds.get(line.kind, line.kind), self.text)
            sheet.write_number(row, 3, float(line.ratio), self.ratio)
            if line.approved is None:
                sheet.write_string(row, 4, "", self.text)
            else:
                sheet.write_number(row, 4, float(line.approved), self.ratio if line.ok else self.orange)
            sheet.write_number(row, 5, line.patches, self.count)
            sheet.write_number(row, 6, line.under / 100, self.area)
            sheet.write_number(row, 7, line.ridge / 100, self.area)
            row += 1
        self.foot(sheet, row)

    def checks(self, identities: Iterable[Identity], missing: Sequence[Result]) -> None:
        """Every identity that does not hold, how many do, and what was not computed."""
        heads = ("规则", "内容", "表", "行政区代码", "左", "右", "差", "单位", "结论")
        sheet = self.sheet("校核", "汇总表校核结果", "见各行", len(heads))
        for i, (word, width) in enumerate(zip(heads, (8, 48, 12, 16, 18, 18, 14, 8, 10), strict=True)):
            sheet.write(2, i, word, self.head)
            sheet.set_column(i, i, width)
        row = 3
        held: dict[tuple[str, str], int] = {}
        for one in identities:
            if one.ok:
                held[one.rule, one.what] = held.get((one.rule, one.what), 0) + 1
                continue
            scale = 1 if one.unit == "rows" else 100
            table = tables.get(one.table)
            cells = (one.rule, words.identity(one.what), f"表{table.number}" if table else "")
            for i, cell in enumerate((*cells, grid.code_of(one.prefix) if one.prefix else "")):
                sheet.write_string(row, i, cell, self.text)
            for i, value in enumerate((one.left, one.right, one.difference), start=4):
                sheet.write_number(row, i, value / scale, self.area)
            sheet.write_string(row, 7, UNITS.get(one.unit, "个"), self.text)
            sheet.write_string(row, 8, "不符", self.orange)
            row += 1
        for (rule, what), count in sorted(held.items()):
            sheet.write_string(row, 0, rule, self.text)
            sheet.write_string(row, 1, words.identity(what), self.text)
            sheet.write_number(row, 4, count, self.count)
            sheet.write_string(row, 7, "处", self.text)
            sheet.write_string(row, 8, "相符", self.green)
            row += 1
        for result in missing:
            sheet.write_string(row, 0, f"表{result.table.number}", self.text)
            sheet.write_string(row, 1, words.needed(result.needs), self.text)
            sheet.write_string(row, 8, "未计算", self.orange)
            row += 1
