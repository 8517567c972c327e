"""An analysis in words: fixed sentences, tables for the page, a workbook."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from jintu.foundation.registers import descriptor
from jintu.kernel import codelists
from jintu.kernel.errors import Missing
from jintu.ui import figures

from . import schemas
from .models import AnalysisResult

__all__ = ["UNITS", "class_name", "conclusion", "rows_of", "sentences", "shown", "workbook"]

UNITS = ("ha", "mu", "m2")
_SIZES = {"ha": (Decimal("0.0001"), 4), "mu": (Decimal("0.0015"), 2), "m2": (Decimal(1), 2)}


def unit_name(unit: str) -> str:
    return {"ha": _("ha"), "mu": _("mu"), "m2": "m²"}[unit]


def shown(area: Any, unit: str) -> str:
    """An area in the unit, with its usual decimals."""
    scale, places = _SIZES[unit]
    return figures.figure(Decimal(str(area or 0)), places, scale)


def class_name(kind: str, code: str) -> str:
    """Name of a land-use class or a zone in the reader's language."""
    codes = codelists.land_use(code) if kind == "land_use" else codelists.get(kind)
    found = codes.find(code)
    if found is None:
        return _("outside the list")
    return found.name_zh if (get_language() or "zh").startswith("zh") else found.name_en


def three_name(kind: str) -> str:
    return {
        codelists.AGRI: _("agricultural land"),
        codelists.CONSTRUCTION: _("construction land"),
        codelists.UNUSED: _("unused land"),
    }[kind]


def conclusion(result: dict[str, Any]) -> tuple[str, str]:
    """(tone, words) of the plan check: tones are those of notices, g o r or nothing."""
    return {
        "conforming": ("g", _("conforms to the plan")),
        "conditional": ("o", _("conforms after the layout of the plan is adjusted")),
        "not_conforming": ("r", _("does not conform to the plan")),
        "unknown": ("", _("cannot be judged: the control zones do not cover the outline")),
    }[result["conformity"]["conclusion"]]


def rows_of(entries: list[dict[str, Any]], kind: str, total: float) -> list[dict[str, Any]]:
    """Table rows: code, name, hue, area, share of the outline."""
    return [
        {
            "code": e["code"],
            "name": class_name(kind, e["code"]),
            "token": _token(kind, e["code"]),
            "area_m2": e["area_m2"],
            "patches": e.get("patches"),
            "share": 100 * e["area_m2"] / total if total else 0.0,
        }
        for e in entries
    ]


def _token(kind: str, code: str) -> str:
    from .onemap import CONTROL_ZONE_TOKENS, USE_ZONE_TOKENS

    if kind == "land_use":
        return codelists.colour(code).removeprefix("--jt-") or "lu-12"
    return (USE_ZONE_TOKENS if kind == "use_zone" else CONTROL_ZONE_TOKENS).get(code, "lu-12")


def sentences(result: dict[str, Any], unit: str = "ha") -> list[str]:
    """The numbered summary in the fixed wording of the platform's reports."""

    def area(value: Any) -> str:
        return f"{shown(value, unit)} {unit_name(unit)}"

    lines = [_("The outline covers {area}.").format(area=area(result["area_m2"]))]
    use = result["land_use"]
    if use is None:
        lines.append(_("Present land use: no version is in force here on {day}.").format(day=result["as_of"]))
    else:
        three = use["three"]
        lines.append(
            _(
                "Present land use: agricultural land {agri}, of which cultivated land {cultivated}; construction land "
                "{construction}; unused land {unused}."
            ).format(
                agri=area(three[codelists.AGRI]),
                cultivated=area(use["cultivated_m2"]),
                construction=area(three[codelists.CONSTRUCTION]),
                unused=area(three[codelists.UNUSED]),
            )
        )
        lines.append(
            _("Ownership: state-owned {state}, collective {collective}.").format(
                state=area(use["ownership"]["state"]), collective=area(use["ownership"]["collective"])
            )
        )
        if use["outside_m2"]:
            lines.append(
                _("{area} lie outside the surveyed area and are in no class.").format(area=area(use["outside_m2"]))
            )
    lines.append(_farmland(result, area))
    lines += _plan(result, area)
    for entry in result["registers"]:
        lines.append(_register(entry, result, area))
    if result["declared"]:
        lines.append(_declared(result["declared"]))
    if result["own_overlap_m2"]:
        lines.append(
            _("The parcels overlap one another by {area}; that is counted twice in the sums.").format(
                area=area(result["own_overlap_m2"])
            )
        )
    return lines


def _farmland(result: dict[str, Any], area: Callable[[Any], str]) -> str:
    farmland = result["farmland"]
    if farmland is None:
        return _("Basic farmland: no version is in force here on {day}.").format(day=result["as_of"])
    if not farmland["count"]:
        return _("This parcel does not overlap basic farmland.")
    return _("This parcel overlaps basic farmland: {area} in {count} patches.").format(
        area=area(farmland["area_m2"]), count=farmland["count"]
    )


def _plan(result: dict[str, Any], area: Callable[[Any], str]) -> list[str]:
    lines = []
    if result["zones"] is not None:
        listed = _(", ").join(
            f"{class_name('use_zone', z['code'])} {area(z['area_m2'])}" for z in result["zones"]["classes"]
        )
        lines.append(_("Land-use zones: {zones}.").format(zones=listed or "—"))
    if result["controls"] is not None:
        parts = result["conformity"]
        listed = _(", ").join(
            f"{class_name('control_zone', code)} {area(parts[name])}"
            for code, name in (
                ("010", "permitted_m2"),
                ("020", "conditional_m2"),
                ("030", "restricted_m2"),
                ("040", "prohibited_m2"),
            )
        )
        lines.append(_("Construction control zones: {zones}.").format(zones=listed))
    lines.append(_("Plan check: the outline {conclusion}.").format(conclusion=conclusion(result)[1]))
    return lines


def _register(entry: dict[str, Any], result: dict[str, Any], area: Callable[[Any], str]) -> str:
    label = register_label(entry["register"])
    if not entry["rows"]:
        return _("This parcel does not overlap {register}.").format(register=label)
    return _(
        "This parcel overlaps {register}: {count} records, covered {covered}, not covered {uncovered}, total {total}."
    ).format(
        register=label,
        count=len(entry["rows"]),
        covered=area(entry["covered_m2"]),
        uncovered=area(entry["uncovered_m2"]),
        total=area(result["area_m2"]),
    )


def _declared(declared: dict[str, Any]) -> str:
    difference = Decimal(declared["difference_m2"])
    words = (
        _("The declared area {declared} m² agrees with the computed {computed} m² (difference {difference} m²).")
        if declared["agrees"]
        else _("The declared area {declared} m² differs from the computed {computed} m² by {difference} m².")
    )
    return words.format(
        declared=figures.figure(declared["declared_m2"], 2),
        computed=figures.figure(declared["computed_m2"], 2),
        difference=figures.figure(difference, 2),
    )


def register_label(name: str) -> str:
    try:
        return str(descriptor.get(name).label)
    except Missing:  # an old result may name one of a domain that is no longer installed
        return name


def layer_label(name: str) -> str:
    try:
        return schemas.get(name).label
    except Missing:  # an old result may name one of a domain that is no longer installed
        return name


def method_words() -> str:
    return _(
        "Ellipsoidal area on CGCS2000, edges straight in longitude and latitude, computed without cutting outlines."
    )


def workbook(kept: AnalysisResult) -> bytes:
    """All figures as a workbook: summary, classes, plan, registers, parcels, versions. Areas are numbers in m² and
    ha."""
    import xlsxwriter

    result = kept.result
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        m2, ha = book.add_format({"num_format": "#,##0.00"}), book.add_format({"num_format": "#,##0.0000"})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})

        def table(title: str, heads: list[tuple[str, int]], rows: list[list[Any]]) -> None:
            sheet = book.add_worksheet(title[:31])
            for i, (head, width) in enumerate(heads):
                sheet.write(0, i, head, bold)
                sheet.set_column(i, i, width)
            sheet.freeze_panes(1, 0)
            for n, row in enumerate(rows, start=1):
                for i, cell in enumerate(row):
                    if isinstance(cell, float):
                        sheet.write_number(n, i, cell, ha if heads[i][0].endswith("ha") else m2)
                    elif cell is not None:
                        sheet.write(n, i, cell)

        summary = book.add_worksheet(_("Summary")[:31])
        summary.set_column(0, 0, 110, wrap)
        lines = [_("Occupation analysis"), f"{_('As of')} {result['as_of']}", ""]
        lines += [f"{n}. {line}" for n, line in enumerate(sentences(result), start=1)]
        lines += ["", method_words(), f"{_('Result')} {kept.hash}", f"{_('Outline')} {result['outline']}"]
        for n, line in enumerate(lines):
            summary.write_string(n, 0, line, bold if n == 0 else wrap)
        areas = [("m²", 16), ("ha", 14)]

        def both(area: float) -> list[float]:
            return [float(area), float(area) / 10_000]

        if result["land_use"]:
            table(
                _("Present land use"),
                [(_("Code"), 8), (_("Class"), 24), *areas, (_("Patches"), 8)],
                [
                    [e["code"], class_name("land_use", e["code"]), *both(e["area_m2"]), e["patches"]]
                    for e in result["land_use"]["classes"]
                ],
            )
        plan = [
            [layer_label(layer), e["code"], class_name(kind, e["code"]), *both(e["area_m2"])]
            for layer, kind, key in (
                ("planning.TDYTQ", "use_zone", "zones"),
                ("planning.JSYDGZQ", "control_zone", "controls"),
            )
            if result[key]
            for e in result[key]["classes"]
        ]
        table(_("Plan"), [(_("Layer"), 22), (_("Code"), 8), (_("Zone"), 24), *areas], plan)
        if result["farmland"]:
            table(
                _("Basic farmland"),
                [(_("Patch"), 24), (_("Class"), 10), *areas],
                [[p["key"], p["code"], *both(p["area_m2"])] for p in result["farmland"]["patches"]],
            )
        table(
            _("Registers"),
            [(_("Register"), 20), (_("Number"), 28), (_("Name"), 40), (_("overlap m²"), 16), (_("own area m²"), 16)],
            [
                [register_label(e["register"]), r["key"], r["title"], r["overlap_m2"], r["area_m2"]]
                for e in result["registers"]
                for r in e["rows"]
            ],
        )
        table(
            _("Parcels"),
            [(_("Parcel"), 30), (_("computed m²"), 16), (_("declared m²"), 16), (_("by the survey rule m²"), 16)],
            [
                [
                    p["name"] or "1",
                    p["area_m2"],
                    float(p["declared_m2"]) if p["declared_m2"] else None,
                    float(p["official_m2"]) if p["official_m2"] else None,
                ]
                for p in result["parcels"]
            ],
        )
        table(
            _("Versions"),
            [(_("Layer"), 22), (_("Division"), 12), (_("Version"), 16), (_("Valid from"), 12), (_("Hash"), 76)],
            [
                [layer_label(v["layer"]), v["division"], v["name"], v["valid_from"], v["hash"]]
                for v in result["versions"]
            ],
        )
    return out.getvalue()
