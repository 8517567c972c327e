"""Figures of registers that a page can show at once and that are true for whoever looks.

Over a large register a figure takes longer than a page may. `refresh`, a job, reckons every figure whose registers
changed, or whose day has passed, for every division of the node; `answer` reads from that what a scope may see. While a
change has not been reckoned, the answer says of when it is. Small registers are reckoned on the spot and are never old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from jintu import __version__
from jintu.foundation.identity.scope import Scope
from jintu.foundation.operations import clock, jobs
from jintu.foundation.operations.hooks import Change
from jintu.foundation.operations.models import Job
from jintu.foundation.registers import descriptor
from jintu.foundation.registers.planner import take_measure

from .models import Changed, Reckoned, Total
from .wanted import Group, Wanted, every, groups, installed, registers_of

__all__ = ["Answer", "answer", "ask", "listen", "refresh"]

GRAINS = (0, 2, 4, 6, 9, 12)
"""Lengths of the prefixes of scopes: node, province, city, county, township, village."""
SMALL = 5_000
"""Rows of a register up to which its figures are reckoned in the request."""
PIECE = 2_000
KIND = "statistics.refresh"
PAUSE_SECONDS = 15
SHARE = 10
"""After a refresh as many times its length pass before the next: it never takes more than a tenth of a core."""
KEPT_JOBS = 20

Years = dict[int, tuple[int, Decimal]]


@dataclass
class Answer:
    """``values``: number and area by year (0: not by year) of each figure that is known."""

    values: dict[Wanted, Years] = field(default_factory=dict)
    at: datetime | None = None
    """When the oldest of those that are out of date was reckoned; None where all are of this moment."""
    missing: bool = False
    """Some have not been reckoned yet."""

    def one(self, wanted: Wanted) -> tuple[int, Decimal] | None:
        """Number and area of a figure that is not by year; None while it is not known."""
        years = self.values.get(wanted)
        return None if years is None else years.get(0, (0, Decimal(0)))


def answer(wanted: Sequence[Wanted], scope: Scope) -> Answer:
    """The figures within a scope: of this moment where that is quick, else as they were last reckoned."""
    wanted = [w for w in dict.fromkeys(wanted) if installed(w.register)]
    # a scope of other than whole divisions is in no total
    covered = all(len(prefix) in GRAINS for prefix in scope.divisions)
    large, changed = _state({w.register for w in wanted}) if covered else (set(), set())
    values = _now([w for w in wanted if w.register not in large], scope)
    asked = [w for w in wanted if w.register in large]
    if not asked:
        return Answer(values)
    newest = {r.name: r for r in Reckoned.objects.filter(name__in=[w.name for w in asked], ready=True).order_by("pk")}
    kept = {w: newest[w.name] for w in asked if w.name in newest}
    old = [r.at for w, r in kept.items() if _is_old(w, r, changed)]
    return Answer(values | _kept(kept, scope), min(old, default=None), missing=len(kept) < len(asked))


def _is_old(wanted: Wanted, reckoned: Reckoned, changed: set[str]) -> bool:
    if reckoned.version != __version__ or (wanted.preset and reckoned.day != clock.today()):
        return True
    return not changed.isdisjoint(reckoned.registers)


def _state(registers: Iterable[str]) -> tuple[set[str], set[str]]:
    """Those of the registers that have more than `SMALL` rows, whoever may see them; and all registers that changed."""
    names = sorted(registers)
    every_name = [r.name for r in descriptor.catalogue()]
    tables = [descriptor.get(name).model._meta.db_table for name in names]
    parts = [f'(SELECT COUNT(*) FROM (SELECT 1 FROM "{table}" LIMIT {SMALL + 1}) AS some_rows)' for table in tables]
    parts += [f"EXISTS (SELECT 1 FROM {Changed._meta.db_table} WHERE register = %s)"] * len(every_name)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", every_name)
        cells = cursor.fetchone()
    large = {name for name, n in zip(names, cells, strict=False) if n > SMALL}
    return large, {name for name, is_there in zip(every_name, cells[len(names) :], strict=True) if is_there}


def _now(wanted: Sequence[Wanted], scope: Scope) -> dict[Wanted, Years]:
    found: dict[Wanted, Years] = {w: {} for w in wanted}
    for one, group in groups(wanted, scope):
        n, area = found[one].get(group.year, (0, Decimal(0)))
        found[one][group.year] = (n + group.n, area + group.area)
    return found


def _kept(kept: dict[Wanted, Reckoned], scope: Scope) -> dict[Wanted, Years]:
    found: dict[Wanted, Years] = {w: {} for w in kept}
    by_id = {r.pk: w for w, r in kept.items()}
    mine = set(scope.divisions)
    # a division inside another of the scope is in that one's total already
    outer = [d for d in mine if not any(d != other and d.startswith(other) for other in mine)]
    if "view" not in scope.verbs:
        return found
    rows = Total.objects.filter(reckoned__in=by_id, prefix__in=outer, data_level__lte=scope.data_level)
    for r in rows.order_by().values("reckoned_id", "year").annotate(number=Sum("n"), size=Sum("area")):
        found[by_id[r["reckoned_id"]]][r["year"]] = (r["number"], r["size"])
    return found


# -- keeping them


def listen(change: Change) -> None:
    """Listener of `hooks.register_changed`: notes the change in its transaction."""
    Changed.objects.create(register=change.register)


def ask() -> bool:
    """A chore of the worker: queue a refresh when a figure is out of date and the last one is long enough ago."""
    if Job.objects.filter(kind=KIND, state__in=(Job.State.QUEUED, Job.State.RUNNING, Job.State.INTERRUPTED)).exists():
        return False
    last = Job.objects.filter(kind=KIND).order_by("-pk").first()
    if last is not None and last.started_at and last.finished_at:
        pause = max(timedelta(seconds=PAUSE_SECONDS), SHARE * (last.finished_at - last.started_at))
        if timezone.now() < last.finished_at + pause:
            return False
    if not _out_of_date():
        return False
    with transaction.atomic():
        jobs.enqueue(KIND)
    return True


def _out_of_date() -> list[Wanted]:
    """Figures of large registers that were never reckoned, or before the last change."""
    kept = {r.name: r for r in Reckoned.objects.filter(ready=True).order_by("pk")}
    wanted = every()
    large, changed = _state({w.register for w in wanted})
    return [w for w in wanted if w.register in large and (w.name not in kept or _is_old(w, kept[w.name], changed))]


def refresh(progress: Callable[[int, int, str], None] | None = None) -> int:
    """Reckon every figure that is out of date; returns how many. Reads long, writes in short transactions."""
    # those known now: a change that is committed later stays, and its figures are reckoned again
    seen = list(Changed.objects.values_list("pk", flat=True))
    due = _out_of_date()
    _clear_unfinished()
    for i, one in enumerate(due):
        if progress:
            progress(i, len(due), one.name)
        _reckon(one)
    for some in _pieces(seen, PIECE):
        Changed.objects.filter(pk__in=some).delete()
    take_measure([descriptor.get(name).model for name in sorted({w.register for w in due})])
    return len(due)


def _reckon(one: Wanted) -> None:
    """One figure anew, beside the one that is shown; shown when it is complete."""
    made = Reckoned.objects.create(
        name=one.name, registers=registers_of(one), day=clock.today(), at=timezone.now(), version=__version__
    )
    totals = _folded(group for _one, group in groups([one]))
    rows = [Total(reckoned=made, prefix=p, data_level=lv, year=y, n=n, area=a) for (p, lv, y), (n, a) in totals.items()]
    for some in _pieces(rows, PIECE):
        Total.objects.bulk_create(some)
    Reckoned.objects.filter(pk=made.pk).update(ready=True)
    # a page may have chosen the one before this; those before that nobody reads any more
    older = Reckoned.objects.filter(name=one.name, ready=True).order_by("-pk").values_list("pk", flat=True)[2:]
    _remove(list(older))


def _folded(found: Iterable[Group]) -> dict[tuple[str, int, int], tuple[int, Decimal]]:
    """Totals by (prefix, data level, year): each row in every division it lies in."""
    totals: dict[tuple[str, int, int], tuple[int, Decimal]] = {}
    for group in found:
        for length in GRAINS:
            if length > len(group.division):
                break
            key = (group.division[:length], group.data_level, group.year)
            n, area = totals.get(key, (0, Decimal(0)))
            totals[key] = (n + group.n, area + group.area)
    return totals


def _clear_unfinished() -> None:
    """What a killed refresh left."""
    _remove(list(Reckoned.objects.filter(ready=False).values_list("pk", flat=True)))


def _remove(reckoned: list[int]) -> None:
    while some := list(Total.objects.filter(reckoned__in=reckoned).values_list("pk", flat=True)[:PIECE]):
        Total.objects.filter(pk__in=some).delete()
    Reckoned.objects.filter(pk__in=reckoned).delete()


def _pieces(things: list[Any], size: int) -> Iterable[list[Any]]:
    return (things[i : i + size] for i in range(0, len(things), size))
