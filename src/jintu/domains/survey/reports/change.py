"""The annual change: what became of each class between two versions, as a matrix that balances for each region.

Only patches that changed are measured: those whose geometry, class, place or area is not the same in both versions. An
old and a new patch that overlap make a change patch (变更图斑); its area is divided among the classes both are made
of (net area, ridges, narrow features), what they share staying as it is. The flows of a village and class are then
balanced, so that opening + in − out = closing holds in hundredths of a square metre (Q6105).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from jintu.foundation.layers.comparing import SMALLEST_M2
from jintu.kernel import codelists
from jintu.kernel.area.balancing import balance
from jintu.kernel.errors import Refused

from . import carried, classes, cube, grid
from .equations import Equations, Identity
from .summary import LAYER, Summary, summary_of

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from jintu.foundation.layers.models import LayerVersion

__all__ = ["ELSEWHERE", "NARROW", "OUTSIDE", "SIDES", "Changes", "Matrix", "changes_of", "groups", "ordered"]

NARROW = "narrow"
"""Pseudo-class of linear and scattered features inside patches: their own classes are not in DLTB."""
OUTSIDE = ""
"""Ground that is in one version only."""
ELSEWHERE = "elsewhere"
"""Ground that went to, or came from, a division outside the region."""
PARTS = ("net", "ridge", "narrow")
KEPT = 4


@dataclass(frozen=True)
class Matrix:
    """Areas from class to class of a region, in hundredths of ``unit``. ``flows``: (from, to) → area, the diagonal
    included; each opening is the sum of its row, each closing of its column."""

    prefix: str
    unit: str
    names: tuple[str, ...]
    opening: dict[str, int]
    closing: dict[str, int]
    flows: dict[tuple[str, str], int]

    def out(self, name: str) -> int:
        return sum(v for (a, b), v in self.flows.items() if a == name != b)

    def into(self, name: str) -> int:
        return sum(v for (a, b), v in self.flows.items() if b == name != a)


class Changes:
    """Two versions of DLTB of one division, older and newer. Raises `Refused` for others."""

    def __init__(self, old: LayerVersion, new: LayerVersion) -> None:
        if old.layer != LAYER or new.layer != LAYER or old.division != new.division:
            raise Refused(
                "{first} and {second} are not two states of present land use in one division.",
                first=str(old),
                second=str(new),
            )
        self.old, self.new = old, new

    @cached_property
    def summaries(self) -> tuple[Summary, Summary]:
        return summary_of(self.old), summary_of(self.new)

    # --- what changed ----------

    @cached_property
    def _touched(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows of both versions that are not the same in the other, with their geometry."""
        import polars as pl

        if (apart := carried.told(self.old, self.new)) is not None:
            sides = ((self.old, apart.gone), (self.new, apart.came))
            one, two = (cube.patches(v, *_MORE, rows=r).with_columns(_mark()).collect() for v, r in sides)
            left = one.filter(~pl.col("mark").is_in(two["mark"].implode()))
            right = two.filter(~pl.col("mark").is_in(one["mark"].implode()))
            return left.drop("mark").sort("bsm"), right.drop("mark").sort("bsm")
        marks = [_marked(v) for v in (self.old, self.new)]
        found = []
        for version, own, other in ((self.old, *marks), (self.new, *reversed(marks))):
            keys = own.filter(~own["mark"].is_in(other["mark"].implode()))["bsm"]
            rows = cube.patches(version, *_MORE).filter(pl.col("bsm").is_in(keys.implode()))
            found.append(rows.collect(engine="streaming").sort("bsm"))
        return found[0], found[1]

    @cached_property
    def pieces(self) -> pl.DataFrame:
        """Change patches: an old and a new patch that overlap by more than `SMALLEST_M2` and differ in class,
        ownership or village; ``area`` in hundredths of m², measured. Ground in one version only has one side empty."""
        import polars as pl

        left, right, area = self._pairs
        names = ["bsm", "patch_no", "village", "code", "own", "ownership", "location_name"]
        one = self._touched[0].select(names).rename(lambda n: f"old_{n}")
        two = self._touched[1].select(*names, "approval_no", "change_no", "changed_on", "class_note")
        two = two.rename(lambda n: f"new_{n}" if n in names else n)
        paired = pl.concat(
            [one[left], two[right], pl.DataFrame({"area": np.rint(area * 100).astype(np.int64)})], how="horizontal"
        )
        alone = [
            frame[rows].with_columns(pl.Series("area", np.rint(rest[rows] * 100).astype(np.int64)))
            for frame, rest in zip((one, two), self._uncovered, strict=True)
            for rows in (np.flatnonzero(rest > SMALLEST_M2),)
        ]
        whole = pl.concat([paired, *alone], how="diagonal")
        differs = pl.any_horizontal(
            pl.col(f"old_{n}").ne_missing(pl.col(f"new_{n}")) for n in ("code", "own", "village")
        )
        found = whole.filter(differs & (pl.col("area") > SMALLEST_M2 * 100))
        return found.sort("new_village", "old_village", "new_patch_no", "new_bsm", "old_bsm", nulls_last=True)

    @cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        from jintu.kernel.flat import Polygons
        from jintu.kernel.overlay import overlay

        old, new = self._touched
        if not len(old) or not len(new):
            none = np.zeros(0, dtype=np.int64)
            return none, none, np.zeros(0)
        found = overlay(Polygons.from_wkb(old["geometry"]), Polygons.from_wkb(new["geometry"]))
        return found.left, found.right, found.area_m2

    @cached_property
    def _uncovered(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """m² of each touched patch that no touched patch of the other version covers."""
        left, right, area = self._pairs
        found = []
        for frame, side in zip(self._touched, (left, right), strict=True):
            whole = frame["area"].to_numpy() / 100
            rest = whole - np.bincount(side, weights=area, minlength=len(frame))
            found.append(np.where(rest > SMALLEST_M2, rest, 0.0))
        return found[0], found[1]

    # --- flows ----------

    @cached_property
    def flows(self) -> pl.DataFrame:
        """Balanced flows: village and class before and after, hundredths of m²; what did not change included.

        The village is "" for ground outside one of the versions.
        """
        import polars as pl

        measured = self._measured()
        before, after = (_margins(f) for f in self._touched)
        surplus = sum(after.values()) - sum(before.values())
        come = max(round(float(self._uncovered[1].sum()) * 100), surplus, 0)
        before[OUTSIDE, OUTSIDE], after[OUTSIDE, OUTSIDE] = come, come - surplus
        rows, columns = (
            sorted(before),
            sorted(after),
        )  # what must be put where nothing was measured stays in its village
        at_row, at_column = ({k: i for i, k in enumerate(keys)} for keys in (rows, columns))
        pairs = [(at_row[a], at_column[b], v) for (a, b), v in measured.items() if a in at_row and b in at_column]
        of, to, value = (np.array(c) for c in zip(*pairs, strict=True)) if pairs else (np.zeros(0),) * 3
        of, to, whole, self.forced = balance(
            of.astype(np.int64), to.astype(np.int64), value, [before[k] for k in rows], [after[k] for k in columns]
        )
        changed = pl.DataFrame(
            [(*rows[i], *columns[j], v) for i, j, v in zip(of.tolist(), to.tolist(), whole.tolist(), strict=True)],
            schema=_FLOWS,
            orient="row",
        )
        # nothing changed: the columns have no type of their own
        flows = pl.concat([changed, self._unchanged()], how="vertical_relaxed")
        return flows.group_by("from_village", "from", "to_village", "to").agg(pl.col("area").sum()).sort(pl.all())

    forced: int = 0
    """Hundredths of m² that balancing had to put where nothing was measured."""

    def _measured(self) -> dict[tuple[Key, Key], float]:
        """Raw flows in hundredths of m² between villages and classes."""
        old, new = self._touched
        left, right, area = self._pairs
        codes, fractions = zip(*(_composition(f) for f in (old, new)), strict=True)
        f, g = fractions[0][left].copy(), fractions[1][right].copy()
        one, two = codes[0][left], codes[1][right]
        villages = old["village"].to_numpy()[left], new["village"].to_numpy()[right]
        sums: dict[tuple[Key, Key], float] = {}

        def add(a: Any, b: Any, where: tuple[int, int], share: NDArray[np.float64]) -> None:
            used = np.flatnonzero(share > 0)
            names = zip(a[used], one[used, where[0]], b[used], two[used, where[1]], strict=True)
            for (va, ca, vb, cb), value in zip(names, (share[used] * area[used] * 100).tolist(), strict=True):
                key = ((va, ca), (vb, cb))
                sums[key] = sums.get(key, 0.0) + value

        grid_of = [(p, q) for p in range(len(PARTS)) for q in range(len(PARTS))]
        for p, q in grid_of:  # what both are made of stays
            both = np.where(one[:, p] == two[:, q], np.minimum(f[:, p], g[:, q]), 0.0)
            f[:, p] -= both
            g[:, q] -= both
            add(*villages, (p, q), both)
        rest = np.maximum(f.sum(axis=1), 1e-300)
        for p, q in grid_of:
            add(*villages, (p, q), np.where(rest > 1e-12, f[:, p] * g[:, q] / rest, 0.0))
        self._outside(sums)
        return sums

    def _outside(self, sums: dict[tuple[Key, Key], float]) -> None:
        """Add what is in one of the versions only."""
        for side, (frame, rest) in enumerate(zip(self._touched, self._uncovered, strict=True)):
            names, fractions = _composition(frame)
            villages = frame["village"].to_list()
            for i in np.flatnonzero(rest).tolist():
                for p in range(len(PARTS)):
                    value = rest[i] * fractions[i, p] * 100
                    if value > 0:
                        inside, out = (villages[i], names[i, p]), (OUTSIDE, OUTSIDE)
                        key = (inside, out) if side == 0 else (out, inside)
                        sums[key] = sums.get(key, 0.0) + value

    def _unchanged(self) -> pl.DataFrame:
        """Patches that are the same in both, on the diagonal."""
        import polars as pl

        rows = carried.less(carried.sums(self.new), cube.sums_of(self._touched[1].lazy()))
        parts = [
            rows.select("village", pl.col("code").alias("class"), pl.col("net").alias("area")),
            rows.select("village", pl.col("taken").alias("class"), pl.col("ridge").alias("area")),
            rows.select(
                "village", pl.lit(NARROW).alias("class"), (pl.col("linear") + pl.col("scattered")).alias("area")
            ),
        ]
        found = pl.concat(parts).group_by("village", "class").agg(pl.col("area").sum()).filter(pl.col("area") != 0)
        return found.select(
            pl.col("village").alias("from_village"),
            pl.col("class").alias("from"),
            pl.col("village").alias("to_village"),
            pl.col("class").alias("to"),
            "area",
        )

    # --- matrices ----------

    def matrix(self, prefix: str = "", level: str = "first", unit: str = "m2") -> Matrix:
        """The matrix of a region, by first- or second-level classes of the rural survey, or by the three classes.

        In hectares and mu, flows are rounded so that rows and columns keep: openings and closings are each nearest to
        their exact values within a sum that is.
        """
        import polars as pl

        inside = [
            pl.col(f"{side}_village").str.starts_with(prefix) & (pl.col(f"{side}_village") != "") for side in SIDES
        ]
        named = [
            pl.when(own)
            .then(pl.col(side).replace_strict(groups(self.flows[side], level), default=OUTSIDE))
            .when(pl.col(f"{side}_village") == OUTSIDE)
            .then(pl.lit(OUTSIDE))
            .otherwise(pl.lit(ELSEWHERE))
            .alias(side)
            for side, own in zip(SIDES, inside, strict=True)
        ]
        region = self.flows.filter(inside[0] | inside[1]).select(*named, "area")
        sums = region.group_by("from", "to").agg(pl.col("area").sum()).rows()
        flows = {(a, b): v for a, b, v in sums if v}
        times, under = grid.UNITS[unit]
        if under > 1:
            flows = _rounded({k: v * times for k, v in flows.items()}, under)
        elif times > 1:
            flows = {k: v * times for k, v in flows.items()}
        names = ordered({n for pair in flows for n in pair}, level)
        opening = {n: sum(v for (a, _), v in flows.items() if a == n) for n in names}
        closing = {n: sum(v for (_, b), v in flows.items() if b == n) for n in names}
        return Matrix(prefix, unit, names, opening, closing, flows)

    # --- checks ----------

    def equations(self, prefix: str = "") -> Equations:
        """Q6105: the balance of each class of each region, that regions keep their areas, and that openings and
        closings are the tables of their years."""
        from .change_checks import equations

        return equations(self.flows, self.summaries, self._regions(prefix))

    def identities(self, prefix: str = "") -> list[Identity]:
        """The same one by one."""
        return list(self.equations(prefix))

    def _regions(self, prefix: str) -> list[str]:
        """The region, its townships and villages."""
        known = {d for s in self.summaries for d in s.divisions()}
        return sorted((d for d in known if d.startswith(prefix)), key=lambda d: (len(d), d))

    def doubts(self, prefix: str = "") -> dict[str, pl.DataFrame]:
        """Q6106: changes of class that the new version does not declare (no change date in the time between), and
        declared patches without a change. Q6107: new construction land without an approval number and not marked W."""
        import polars as pl

        between = (pl.col("changed_on") > self.old.valid_from) & (pl.col("changed_on") <= self.new.valid_from)
        pieces = self.pieces.filter(pl.col("new_village").fill_null("").str.starts_with(prefix))
        classed = pieces.filter(pl.col("old_code").is_not_null() & pl.col("new_code").is_not_null())
        classed = classed.filter(pl.col("old_code") != pl.col("new_code"))
        built = {c: codelists.three_class(c) == codelists.CONSTRUCTION for c in _codes(pieces)}
        now, was = (pl.col(f"{side}_code").replace_strict(built, default=False) for side in ("new", "old"))
        open_ = pl.col("approval_no").fill_null("") == ""
        marked = pl.col("class_note").fill_null("").str.contains("W", literal=True)
        return {
            "undeclared": classed.filter(~between.fill_null(False)),
            "unapproved": classed.filter(now & ~was & open_ & ~marked),
        }

    # --- for machines ----------

    def as_json(self) -> dict[str, Any]:
        from .words import changes_json

        return changes_json(self)

    def workbook(self, path: Path) -> None:
        from .change_workbook import write

        write(self, path)

    def geometry(self, rows: pl.DataFrame) -> list[Any]:
        """Shapely polygons of change patches, cut where old and new meet; for those shown only."""
        import shapely

        shapes: dict[str, dict[str, Any]] = {}
        for side, frame in zip(("old", "new"), self._touched, strict=True):
            wanted = frame.filter(frame["bsm"].is_in(rows[f"{side}_bsm"].drop_nulls().to_list()))
            shapes[side] = dict(zip(wanted["bsm"].to_list(), map(shapely.from_wkb, wanted["geometry"]), strict=True))
        found = []
        for old, new in rows.select("old_bsm", "new_bsm").iter_rows():
            one, two = shapes["old"].get(old), shapes["new"].get(new)
            found.append(shapely.intersection(one, two) if one is not None and two is not None else one or two)
        return found


SIDES = ("from", "to")
Key = tuple[str, str]
"""Village and class."""
_SAME = ("bsm", "village", "code", "own", "area", "ridge", "linear", "scattered", "geometry")
_MORE = ("geometry", "approval_no", "change_no", "changed_on", "class_note", "location_name", "ownership")
_FLOWS = ["from_village", "from", "to_village", "to", "area"]


def _marked(version: LayerVersion) -> pl.DataFrame:
    """bsm, and ``mark``: one number for all that makes a patch the same patch; geometries are not kept in memory."""
    rows = cube.patches(version, "geometry")
    return rows.select("bsm", _mark()).collect(engine="streaming")


def _mark() -> pl.Expr:
    import polars as pl

    return pl.struct(_SAME).hash().alias("mark")


def _composition(frame: pl.DataFrame) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Classes (n, 3) of the parts of each patch and their shares of it."""
    narrow = frame["linear"] + frame["scattered"]
    codes = np.empty((len(frame), len(PARTS)), dtype=object)
    codes[:, 0], codes[:, 1], codes[:, 2] = frame["code"].to_list(), frame["taken"].to_list(), NARROW
    parts = np.column_stack([frame["net"].to_numpy(), frame["ridge"].to_numpy(), narrow.to_numpy()]).astype(float)
    whole = parts.sum(axis=1, keepdims=True)
    return codes, np.divide(parts, whole, out=np.zeros_like(parts), where=whole > 0)


def _margins(frame: pl.DataFrame) -> dict[Key, int]:
    """Area of each village and class of rows, hundredths of m²."""
    sums: dict[Key, int] = {}
    columns = ("village", "code", "taken", "net", "ridge", "linear", "scattered")
    for village, code, taken, net, ridge, linear, scattered in frame.select(columns).iter_rows():
        for name, area in ((code, net), (taken, ridge), (NARROW, linear + scattered)):
            if area:
                sums[village, name] = sums.get((village, name), 0) + area
    return sums


def _codes(pieces: pl.DataFrame) -> list[str]:
    return sorted({c for side in ("old", "new") for c in pieces[f"{side}_code"].drop_nulls().unique()})


def groups(codes: pl.Series, level: str) -> dict[str, str]:
    """Class as delivered → name in the matrix."""
    special = {NARROW: NARROW, OUTSIDE: OUTSIDE}
    index = {"first": 0, "second": 1}.get(level)
    return {
        c: special[c]
        if c in special
        else classes.rural(c)[index]
        if index is not None
        else codelists.three_class(c) or "?"
        for c in codes.unique().to_list()
    }


def ordered(names: set[str], level: str) -> tuple[str, ...]:
    """In the order of the tables; what is outside, last."""
    if level == "three":
        order = [codelists.AGRI, codelists.CONSTRUCTION, codelists.UNUSED]
    elif level == "first":
        order = list(classes.FIRSTS)
    else:
        order = [s for f in classes.FIRSTS for s in classes.seconds(f)]
    order += ["?", NARROW, ELSEWHERE, OUTSIDE]
    return tuple(n for n in order if n in names)


def _rounded(flows: dict[tuple[str, str], int], under: int) -> dict[tuple[str, str], int]:
    """Flows in units of ``under``: openings by largest remainder within their rounded sum; closings likewise, but for
    each set of classes that flows join by itself, so that what did not change shows one figure; then balanced."""
    from jintu.kernel.area.rounding import round_to_sum

    if not flows:
        return {}
    rows, columns = (sorted({k[side] for k in flows}) for side in (0, 1))
    sums = [
        np.array([sum(v for k, v in flows.items() if k[side] == n) for n in names], dtype=np.int64)
        for side, names in ((0, rows), (1, columns))
    ]
    openings = round_to_sum(sums[0], under, int((sums[0].sum() + under // 2) // under))
    closings = np.zeros(len(columns), dtype=np.int64)
    for joined in _joined(flows):
        held = sum(int(openings[rows.index(n)]) for side, n in joined if side == 0)
        own = [columns.index(n) for side, n in sorted(joined) if side == 1]
        closings[own] = round_to_sum(sums[1][own], under, held)
    of, to = (np.array([names.index(k[side]) for k in flows]) for side, names in ((0, rows), (1, columns)))
    value = np.array(list(flows.values()), dtype=np.float64) / under
    of, to, whole, _ = balance(of, to, value, openings, closings)
    return {(rows[i], columns[j]): v for i, j, v in zip(of.tolist(), to.tolist(), whole.tolist(), strict=True)}


def _joined(flows: dict[tuple[str, str], int]) -> list[set[tuple[int, str]]]:
    """Openings (0, class) and closings (1, class) that flows join."""
    sets: list[set[tuple[int, str]]] = []
    for before, after in flows:
        new = {(0, before), (1, after)}
        apart = []
        for one in sets:
            if one & new:
                new |= one
            else:
                apart.append(one)
        sets = [*apart, new]
    return sets


# --- kept ----------

_kept: OrderedDict[tuple[Any, ...], Changes] = OrderedDict()
_kept_lock = Lock()


def changes_of(old: LayerVersion, new: LayerVersion) -> Changes:
    """The changes between two versions, kept in memory while they are asked for."""
    with _kept_lock:
        key = (old.pk, old.hash, new.pk, new.hash)
        found = _kept.get(key) or Changes(old, new)
        _kept[key] = found
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found
