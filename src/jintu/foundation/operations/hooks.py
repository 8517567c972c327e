"""Three typed hooks by which lower floors announce and upper floors listen. Listeners are connected in `config.hooks`.

``before_commit``     an act was journaled; the listener runs in the same transaction and may still refuse it
``after_commit``      the same act, once it is committed; for what must not roll it back: notices, caches
``register_changed``  rows of a register changed, in the transaction that changed them: search index, summaries, outbox
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

__all__ = ["Act", "Change", "Hook", "after_commit", "before_commit", "register_changed"]

T = TypeVar("T")


@dataclass(frozen=True)
class Act:
    """What was journaled: the entry's number, the act, where, on which objects (type, key)."""

    entry: int
    act: str
    division: str = ""
    objects: tuple[tuple[str, str], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    user: int | None = None


@dataclass(frozen=True)
class Change:
    """Rows of a register that were created, edited, withdrawn, imported or reverted.

    A bulk change names its batch instead of thousands of rows: ``uids`` is then empty.
    """

    register: str
    verb: str
    division: str = ""
    uids: tuple[str, ...] = ()
    batch: int = 0
    rows: int = 0


class Hook(Generic[T]):
    """Listeners of one kind of announcement, called in the order they were connected. Errors are not swallowed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._listeners: list[Callable[[T], None]] = []

    def connect(self, listener: Callable[[T], None]) -> None:
        """Connect a listener; the same one twice counts once."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def disconnect(self, listener: Callable[[T], None]) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    def send(self, message: T) -> None:
        for listener in tuple(self._listeners):
            listener(message)

    def __len__(self) -> int:
        return len(self._listeners)


before_commit: Hook[Act] = Hook("before_commit")
after_commit: Hook[Act] = Hook("after_commit")
register_changed: Hook[Change] = Hook("register_changed")
