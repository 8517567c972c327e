"""Small state machines: findings, filings, jobs and approvals are tables of the same kind.

A `Table` says, for each state and verb, which state follows, who may act, and which guards must hold. It is proved
sound when it is built: every state can be reached, every path can end, no row is dead. It decides; performing the act
and writing the journal belong to the floors above.

>>> lamp = Table("lamp", start="off", ends=("broken",), rows=(
...     Row("off", "switch", "on"), Row("on", "switch", "off"), Row("on", "drop", "broken", roles=("child",))))
>>> lamp.fire("off", "switch").target
'on'
>>> [row.verb for row in lamp.allowed("on", {"child"})]
['switch', 'drop']
>>> lamp.fire("broken", "switch")
Traceback (most recent call last):
jintu.kernel.errors.Refused: lamp: 'switch' is not possible in the state 'broken'. This state is final.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from jintu.kernel.errors import NotAllowed, Refused

__all__ = ["ANYONE", "Row", "Table", "Unsound"]

ANYONE: tuple[str, ...] = ()
"""Roles of a row that everybody who may see the thing may fire."""


class Unsound(ValueError):
    """The table itself is wrong; raised when it is built, so at start-up and never in front of a person."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: in ``state``, ``verb`` leads to ``target``.

    ``roles``: any of them suffices; empty means anybody. ``guards``: names of conditions, all of which must hold; the
    caller evaluates them and hands in those that do. ``levels``: of the acting node (township … ministry). Rows of the
    same state and verb are tried in order, so a verb may lead elsewhere for another role or when a guard holds.
    """

    state: str
    verb: str
    target: str
    roles: tuple[str, ...] = ANYONE
    guards: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()

    def open_to(self, roles: Collection[str], level: str = "") -> bool:
        return (not self.roles or any(role in roles for role in self.roles)) and (
            not self.levels or not level or level in self.levels
        )


@dataclass(frozen=True)
class Table:
    """A state machine. Raises Unsound when a state cannot be reached, a path cannot end, or a row can never fire.

    ``ends`` are the states that count as done. A verb may still leave an end (reopen), as long as every state can
    come back to one. ``verbs``: the vocabulary the rows must keep to, when given.
    """

    name: str
    start: str
    rows: tuple[Row, ...]
    ends: tuple[str, ...]
    verbs: Collection[str] = ()
    titles: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Msgids for people: state or verb → words; the identifier itself where there are none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))
        faults = self.faults()
        if faults:
            raise Unsound(f"{self.name}: " + "; ".join(faults))

    @property
    def states(self) -> tuple[str, ...]:
        """All states, the start first, then in the order in which the rows name them."""
        named = [self.start, *(s for row in self.rows for s in (row.state, row.target)), *self.ends]
        return tuple(dict.fromkeys(named))

    def faults(self) -> list[str]:
        """What is unsound, in words; empty for a sound table."""
        found = []
        if not self.ends:
            found.append("no state is an end")
        reached = self.reachable(self.start)
        found += [f"state {s!r} cannot be reached" for s in self.states if s not in reached]
        into_end = _closure(self.ends, [(row.target, row.state) for row in self.rows])
        found += [f"from state {s!r} no end can be reached" for s in self.states if s in reached and s not in into_end]
        seen: list[Row] = []
        for row in self.rows:
            for other in seen:
                if (other.state, other.verb) == (row.state, row.verb) and _covers(other, row):
                    found.append(
                        f"row {row.state!r} × {row.verb!r} → {row.target!r} is dead: an earlier row always fires"
                    )
                    break
            seen.append(row)
        if self.verbs:
            found += [
                f"verb {v!r} is not in the vocabulary" for v in sorted({r.verb for r in self.rows} - set(self.verbs))
            ]
        return found

    def reachable(self, state: str) -> set[str]:
        """States that can follow ``state``, itself included."""
        return _closure((state,), [(row.state, row.target) for row in self.rows])

    def title(self, key: str) -> str:
        # a title may be a lazy translation: it becomes words when it is told
        return str(self.titles.get(key, key))

    def allowed(
        self, state: str, roles: Collection[str], holds: Collection[str] | None = None, level: str = ""
    ) -> list[Row]:
        """Rows somebody with these roles may fire in that state, at most one per verb: the buttons to show.

        With ``holds`` (guards that hold) rows with a failing guard are left out; without, guards are not looked at.
        """
        found: dict[str, Row] = {}
        for row in self.rows:
            if row.state == state and row.open_to(roles, level) and (holds is None or set(row.guards) <= set(holds)):
                found.setdefault(row.verb, row)
        return list(found.values())

    def fire(
        self, state: str, verb: str, roles: Collection[str] = (), holds: Collection[str] = (), level: str = ""
    ) -> Row:
        """The row that fires. Changes nothing.

        Raises Refused when the verb is not possible in that state or a guard fails (it names the guards), NotAllowed
        when nobody with these roles may do it.
        """
        rows = [row for row in self.rows if row.state == state and row.verb == verb]
        if not rows:
            possible = [row.verb for row in self.rows if row.state == state]
            raise Refused(
                "{table}: {verb!r} is not possible in the state {state!r}.",
                remedy="Possible are: {possible}." if possible else "This state is final.",
                table=self.name,
                verb=self.title(verb),
                state=self.title(state),
                possible=", ".join(dict.fromkeys(map(self.title, possible))),
            )
        mine = [row for row in rows if row.open_to(roles, level)]
        if not mine:
            needed = dict.fromkeys(role for row in rows for role in row.roles)
            raise NotAllowed(
                "{table}: {verb!r} in the state {state!r} needs one of the roles: {roles}.",
                table=self.name,
                verb=self.title(verb),
                state=self.title(state),
                roles=", ".join(needed) or level,
            )
        for row in mine:
            if set(row.guards) <= set(holds):
                return row
        missing = dict.fromkeys(guard for row in mine for guard in row.guards if guard not in holds)
        raise Refused(
            "{table}: {verb!r} has to wait: {guards}.",
            table=self.name,
            verb=self.title(verb),
            guards=", ".join(self.title(guard) for guard in missing),
            missing=list(missing),
        )


def _covers(earlier: Row, later: Row) -> bool:
    """Whether the earlier row fires whenever the later one could."""
    return (
        set(earlier.guards) <= set(later.guards)
        and (not earlier.roles or (bool(later.roles) and set(later.roles) <= set(earlier.roles)))
        and (not earlier.levels or (bool(later.levels) and set(later.levels) <= set(earlier.levels)))
    )


def _closure(seeds: Iterable[str], steps: list[tuple[str, str]]) -> set[str]:
    found = set(seeds)
    while grown := {target for source, target in steps if source in found} - found:
        found |= grown
    return found
