"""Proving the journal: every entry against its leaf, every seal against its leaves, every seal against the one before.

What each kind of tampering leaves behind:

======================================  ==================================================================
an entry was changed                    its hash is not the leaf in its link
an entry was removed                    a link without an entry
a link was removed or two exchanged     a gap in the numbers, or a root that does not fit its leaves
entry and leaf were both changed        the seal's root
a seal was changed as well              the next seal's ``previous``; for the last one, the noted head
the end was cut off                     the head noted outside the database
an entry was slipped in                 it has no link and does not wait for one
an old value was changed or removed     the root of the entry's versions
the index by object was changed         it is not what the entries say
======================================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from jintu.kernel import hashing

from .acts import digest_of
from .models import Entry, Link, Pending, RecordVersion, Seal, Subject
from .sealing import leaf_of, read_head
from .triggers import expected, installed

__all__ = ["Broken", "Report", "verify"]

AT_ONCE = 1000
MOST_FAULTS = 100


@dataclass(frozen=True)
class Broken:
    """One fault. ``entry`` the number of the entry it is about, where there is one."""

    fault: str
    sentence: str
    entry: int | None = None
    seq: int | None = None
    seal: int | None = None


@dataclass
class Report:
    entries: int = 0
    sealed: int = 0
    seals: int = 0
    unsealed: int = 0
    unsealed_seconds: float = 0.0
    head: str = ""
    broken: list[Broken] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.broken

    @property
    def first(self) -> Broken | None:
        """The first fault in the order of the chain: where to start looking."""
        return self.broken[0] if self.broken else None

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "whole": self.is_whole, "first": asdict(self.first) if self.first else None}


def verify(progress: Callable[[int, int, str], None] | None = None) -> Report:
    """Check everything; reads the whole journal, in the order of the chain, a thousand entries at a time."""
    report = Report(entries=Entry.objects.count(), sealed=Link.objects.count(), seals=Seal.objects.count())
    for name in sorted(expected(connection.vendor) - installed()):
        report.broken.append(Broken("trigger", _("the trigger {name} is missing or switched off").format(name=name)))
    leaves: dict[int, list[str]] = {}
    seal_of = {s.number: s for s in Seal.objects.order_by("number")}
    want = 1
    for links in _chunks():
        entries = Entry.objects.in_bulk([link.entry_id for link in links])
        subjects = _subjects(list(entries))
        versions = _versions(list(entries))
        for link in links:
            if link.seq != want:
                gap = f"{want}" if link.seq == want + 1 else f"{want} to {link.seq - 1}"
                report.broken.append(
                    Broken("gap", _("number {number} of the chain is missing").format(number=gap), seq=want)
                )
            want = link.seq + 1
            leaves.setdefault(link.seal_id, []).append(link.leaf)
            _check_entry(report, link, entries.get(link.entry_id), subjects, versions)
            _end(report)
        if progress:
            progress(min(want - 1, report.sealed), report.sealed, "journal")
    _check_seals(report, seal_of, leaves)
    _check_waiting(report)
    _check_head(report, seal_of)
    return report


def _end(report: Report) -> None:
    """A journal broken throughout would report every entry: the first hundred say enough."""
    del report.broken[MOST_FAULTS:]


def _chunks() -> Iterator[list[Link]]:
    after = 0
    while links := list(Link.objects.filter(seq__gt=after).order_by("seq")[:AT_ONCE]):
        yield links
        after = links[-1].seq


def _subjects(numbers: list[int]) -> dict[int, list[list[str]]]:
    found: dict[int, list[list[str]]] = {}
    for entry, kind, key in (
        Subject.objects.filter(entry_id__in=numbers).order_by("pk").values_list("entry_id", "kind", "key")
    ):
        found.setdefault(entry, []).append([kind, key])
    return found


def _versions(numbers: list[int]) -> dict[int, list[RecordVersion]]:
    rows = RecordVersion.objects.filter(entry_id__in=numbers).order_by("entry_id", "pk")
    return {entry: list(group) for entry, group in groupby(rows, key=lambda v: v.entry_id)}


def _check_entry(
    report: Report,
    link: Link,
    entry: Entry | None,
    subjects: dict[int, list[list[str]]],
    versions: dict[int, list[RecordVersion]],
) -> None:
    def broken(fault: str, sentence: str) -> None:
        report.broken.append(Broken(fault, sentence, entry=link.entry_id, seq=link.seq, seal=link.seal_id))

    if entry is None:
        broken("missing", _("entry {entry} was removed").format(entry=link.entry_id))
        return
    used = link.leaf.partition(":")[0]
    if used not in hashing.ALGORITHMS or leaf_of(entry, used) != link.leaf:
        broken(
            "changed", _("entry {entry} ({act}) was changed after it was sealed").format(entry=entry.pk, act=entry.act)
        )
        return
    if sorted(subjects.get(entry.pk, [])) != sorted(entry.objects_json):
        broken(
            "index", _("the objects of entry {entry} are not indexed as the entry names them").format(entry=entry.pk)
        )
    kept = versions.get(entry.pk, [])
    if entry.versions_root or kept:
        by = entry.versions_root.partition(":")[0]
        if by not in hashing.ALGORITHMS or hashing.merkle_root((v.digest for v in kept), by) != entry.versions_root:
            broken(
                "versions",
                _("a record version kept with entry {entry} was removed, added or changed").format(entry=entry.pk),
            )
        for version in kept:
            if version.redaction_id is None and digest_of(version.data, version.salt) != version.digest:
                broken(
                    "version",
                    _("the values kept of {register} {uid} with entry {entry} changed").format(
                        register=version.register, uid=version.uid, entry=entry.pk
                    ),
                )


def _check_seals(report: Report, seals: dict[int, Seal], leaves: dict[int, list[str]]) -> None:
    previous, want, last = "", 1, 0
    for number in sorted(seals):
        seal = seals[number]

        def broken(fault: str, sentence: str, number: int = number) -> None:
            report.broken.append(Broken(fault, sentence, seal=number))

        used = seal.hash.partition(":")[0]
        if number != want:
            broken("seal_gap", _("seal {number} is missing").format(number=want))
        if used not in hashing.ALGORITHMS or hashing.of_json(seal.content(), used) != seal.hash:
            broken("seal_changed", _("seal {number} was changed").format(number=number))
        elif seal.previous != previous:
            broken("chain", _("seal {number} does not follow the seal before it").format(number=number))
        mine = leaves.get(number, [])
        root_by = seal.root.partition(":")[0]
        if seal.first != last + 1 or seal.last - seal.first + 1 != len(mine):
            broken("count", _("seal {number} closes other entries than are linked to it").format(number=number))
        elif root_by not in hashing.ALGORITHMS or hashing.merkle_root(mine, root_by) != seal.root:
            broken(
                "root",
                _("the entries under seal {number} are not those it sealed, or not in their order").format(
                    number=number
                ),
            )
        previous, want, last = seal.hash, number + 1, seal.last
    report.head = previous
    for number in sorted(set(leaves) - set(seals)):
        report.broken.append(Broken("seal_gap", _("seal {number} is missing").format(number=number), seal=number))
    _end(report)


def _check_waiting(report: Report) -> None:
    report.unsealed = Pending.objects.count()
    oldest = Pending.objects.order_by("entry__at").values_list("entry__at", flat=True).first()
    if oldest is not None:
        report.unsealed_seconds = max(0.0, (timezone.now() - oldest).total_seconds())
    slipped = Entry.objects.filter(link=None).exclude(pk__in=Pending.objects.values("entry_id")).order_by("pk")
    for number in slipped.values_list("pk", flat=True)[:MOST_FAULTS]:
        report.broken.append(
            Broken(
                "outside",
                _("entry {number} is not in the chain and does not wait for it").format(number=number),
                entry=number,
            )
        )


def _check_head(report: Report, seals: dict[int, Seal]) -> None:
    head = read_head()
    if head is None:
        return
    noted = seals.get(head["seal"])
    if noted is None:
        report.broken.append(
            Broken(
                "cut",
                _("the journal ends before seal {number}, which was noted").format(number=head["seal"]),
                seal=head["seal"],
            )
        )
    elif noted.hash != head["hash"]:
        report.broken.append(
            Broken(
                "head", _("seal {number} is not the one that was noted").format(number=noted.number), seal=noted.number
            )
        )
