"""The checks of one row before it is filed: the same ones a file goes through, told as `Problem`s with their field.

Column checks come from the descriptor, geometry checks from the kernel, and the domain's own from
``Register.validate``, which sees a table of one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import models

from jintu.kernel.errors import InputError

from . import values
from .coordinates import wrong_place
from .descriptor import Register
from .importing.problems import PARTS, Problem

__all__ = ["check_geometry", "check_row", "domain_problems", "geometry_problem", "row_frame"]


def check_row(register: Register, data: Mapping[str, Any], *, geometry: Any = None, new: bool) -> list[Problem]:
    """What is wrong with a row of typed values; empty when it may be filed.

    A missing geometry is never a fault: records are filed without one and get it later.
    """
    found: list[Problem] = []
    division = str(data.get("division") or "")
    if not division.isdigit() or len(division) not in (6, 9, 12):
        found.append(
            Problem(
                0,
                "division",
                "{value} is not a division code.",
                division,
                "A code has 6 digits for a county, 9 for a township, 12 for a village.",
                {"value": division or "—"},
            )
        )
    for name, (f, column) in register.attributes.items():
        found += _check_value(register, name, f, column, data.get(name))
    if geometry is not None:
        found += check_geometry(register, geometry)
    if not found and register.validate is not None:
        found += domain_problems(register, row_frame(register, [data], [geometry]), [0])
    return found


def _check_value(register: Register, name: str, f: models.Field, column: Any, value: Any) -> list[Problem]:
    if value is None or value == "":
        # a row without its key gets one from `keys`
        if column.required and name != register.key:
            return [Problem(0, name, "This column may not be empty.", "", "Enter a value.")]
        return []
    options = values.choices_of(f)
    if options and str(value) not in options:
        return [Problem(0, name, "{value} is not a code of this column.", str(value), "", {"value": str(value)})]
    if isinstance(value, str) and f.max_length and len(value) > f.max_length:
        return [
            Problem(
                0,
                name,
                "The text has {n} characters, {limit} are allowed.",
                value[:60],
                "Shorten it.",
                {"n": len(value), "limit": f.max_length},
            )
        ]
    if (
        isinstance(value, (int, float, Decimal))
        and not isinstance(value, bool)
        and value < 0
        and (column.positive or column.unit == "m2")
    ):
        sentence = "Area {value} is negative." if column.unit == "m2" else "{value} is negative."
        return [Problem(0, name, sentence, str(value), "Correct the value.", {"value": str(value)})]
    return []


def check_geometry(register: Register, geometry: Any) -> list[Problem]:
    """What is wrong with an outline in lon/lat."""
    problem = geometry_problem(geometry)
    if problem is None:
        return []
    sentence, remedy, params = problem
    return [Problem(0, register.geometry, sentence, "", remedy, params)]


def geometry_problem(geometry: Any) -> tuple[str, str, dict[str, Any]] | None:
    """(sentence, remedy, params) of the first fault of an outline, with ring and vertex where they are known."""
    import shapely

    if geometry.is_empty:
        return ("The outline is empty.", "Leave it out, or give its points.", {})
    at = wrong_place(geometry.bounds)
    if at is not None:
        return at.sentence, at.remedy, at.params
    if geometry.is_valid:
        return None
    fault = _kernel_fault(geometry)
    if fault is not None:
        return fault
    return (
        "The outline is not valid: {reason}.",
        "Correct it and hand it in again.",
        {"reason": shapely.is_valid_reason(geometry)},
    )


def _kernel_fault(geometry: Any) -> tuple[str, str, dict[str, Any]] | None:
    try:
        from jintu.kernel.geometry import check
    except ImportError:
        return None
    errors: list[InputError] = list(check(geometry))
    if not errors:
        return None
    first = errors[0]
    at = {f"at_{part}": getattr(first.place, part) for part in PARTS if getattr(first.place, part)}
    return first.sentence, first.remedy, {**first.params, **at}


def row_frame(register: Register, rows: list[Mapping[str, Any]], geometries: list[Any]) -> Any:
    """Rows as the table a domain's ``validate`` gets: model field names, dates Date, decimals Float64, codes String,
    plus ``division`` and, for registers with a place, ``geometry`` (WKB or null)."""
    import polars as pl
    import shapely

    columns: dict[str, pl.Series] = {}
    for name, (f, _c) in register.attributes.items():
        columns[name] = pl.Series(name, [_plain(r.get(name)) for r in rows], dtype=_frame_type(f), strict=False)
    columns["division"] = pl.Series("division", [r.get("division") for r in rows], dtype=pl.String)
    if register.geometry:
        wkb = [None if g is None else shapely.to_wkb(g, byte_order=1) for g in geometries]
        columns["geometry"] = pl.Series("geometry", wkb, dtype=pl.Binary)
    return pl.DataFrame(list(columns.values()))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _frame_type(f: models.Field) -> Any:
    import polars as pl

    from .importing.typing import scaled_type

    if isinstance(f, models.DecimalField) and not f.choices:
        return pl.Float64
    return scaled_type(f)


def domain_problems(register: Register, frame: Any, rows: Any) -> list[Problem]:
    """What the domain's own checks find; ``rows`` gives the file row of each row of the frame."""
    found = []
    for item in register.validate(frame) or ():
        row, name, sentence, params = item[:4]
        remedy = item[4] if len(item) > 4 else ""
        value = str(frame[int(row), name])[:200] if name in frame.columns and name != "geometry" else ""
        found.append(Problem(int(rows[int(row)]), name, sentence, value, remedy, dict(params)))
    return found
