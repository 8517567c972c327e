"""Full-text search over the rows of all registers, Chinese included, kept in the transaction that changes a row.

SQLite: an FTS5 table fed from `SearchEntry` by triggers. PostgreSQL: a GIN index over ``to_tsvector('simple', terms)``.
Both index the terms of `jintu.kernel.search`, because neither splits Chinese into words by itself. A batch is indexed
after its flip, in short transactions (`importing.indexing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models
from django.db.models.expressions import RawSQL

from jintu.foundation.identity.scope import Scope
from jintu.kernel import search as words

from . import descriptor
from .descriptor import Register
from .listing import MOST_FOUND
from .models import RowStatus, SearchEntry, VisibleRows

__all__ = ["Group", "entries", "find", "forget", "index", "narrow"]

PER_REGISTER = 8

TABLE = "register_search_entry"
COLUMNS = ("register", "uid", "key", "title", "division", "data_level", "terms")
REPLACE = """
ON CONFLICT (register, uid) DO UPDATE SET
  key = excluded.key, title = excluded.title, division = excluded.division, data_level = excluded.data_level,
  terms = excluded.terms
"""


@dataclass
class Group:
    """What was found in one register; ``more`` when there is more than is shown."""

    register: Register
    entries: list[SearchEntry] = field(default_factory=list)
    more: bool = False


def searched(register: Register) -> list[str]:
    """Columns whose text is indexed: key, title and those marked ``search``."""
    marked = [name for name, (_f, c) in register.attributes.items() if c.search]
    first = [register.key] + ([register.title] if register.title else [])
    return list(dict.fromkeys(first + marked))


def _entry(
    register: Register, names: Sequence[str], cells: Sequence[Any], uid: Any, division: str, level: int
) -> tuple:
    # joined by a line break, which belongs to no word, so that the terms of all columns are cut in one go
    text = "\n".join(dict.fromkeys(str(v) for v in cells if v not in (None, "")))
    key = str(cells[0])[:200]
    title = str(cells[names.index(register.title)] or "")[:400] if register.title else ""
    return (register.name, uid, key, title, division, level, words.index_text(text))


def _uid(value: Any) -> Any:
    """A UUID as the database stores it."""
    return SearchEntry._meta.get_field("uid").get_db_prep_value(value, connection)


def index(register: Register, rows: Iterable[models.Model]) -> None:
    """Index rows that were just saved; withdrawn ones are taken out. In the caller's transaction."""
    names = searched(register)
    kept, gone = [], []
    for row in rows:
        if row.status == RowStatus.WITHDRAWN:  # type: ignore[attr-defined]
            gone.append(row.uid)  # type: ignore[attr-defined]
            continue
        cells = [getattr(row, n) for n in names]
        kept.append(_entry(register, names, cells, _uid(row.uid), row.division, row.data_level))  # type: ignore[attr-defined]
    if gone:
        SearchEntry.objects.filter(register=register.name, uid__in=gone).delete()
    if kept:
        _upsert(kept)


def forget(register: Register, uids: Iterable[Any]) -> None:
    """Take rows out of the index."""
    SearchEntry.objects.filter(register=register.name, uid__in=list(uids)).delete()


def _upsert(entries: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES (%s, %s, %s, %s, %s, %s, %s) {REPLACE}", entries
        )


def _match(query: str) -> tuple[str, list[Any]] | None:
    """SQL that selects the ids of the newest entries matching a query, and its parameters; None without a word."""
    if connection.vendor == "sqlite":
        text = words.fts5_query(query)
        sql = """SELECT rowid AS id FROM register_search_fts
                 WHERE register_search_fts MATCH %s ORDER BY rowid DESC LIMIT %s"""
    else:
        text = words.tsquery(query)
        sql = """SELECT id FROM register_search_entry
                 WHERE to_tsvector('simple', terms) @@ to_tsquery('simple', %s) ORDER BY id DESC LIMIT %s"""
    return (sql, [text, MOST_FOUND]) if text else None


def narrow(register: Register, rows: VisibleRows, query: str) -> VisibleRows:
    """Rows that contain all words of the query, or whose key begins with it; of very many of either, `MOST_FOUND`."""
    # the unary plus keeps SQLite from going through all entries of the register instead of the few that were found
    own = "+e.register" if connection.vendor == "sqlite" else "e.register"
    parts = [
        f"""SELECT * FROM (SELECT e.uid FROM register_search_entry e
            WHERE {own} = %s AND e.key >= %s AND e.key < %s LIMIT %s) AS begun"""
    ]
    params: list[Any] = [register.name, query, query + "\U0010ffff", MOST_FOUND]
    match = _match(query)
    if match is not None:
        parts.append(
            f"""SELECT e.uid FROM ({match[0]}) AS found CROSS JOIN register_search_entry e
                WHERE e.id = found.id AND {own} = %s"""
        )
        params += [*match[1], register.name]
    inside = RawSQL(" UNION ".join(parts), params)  # noqa: S611 - values are parameters, the statement is ours
    return rows.filter(uid__in=inside)


def find(query: str, scope: Scope, *, per_register: int = PER_REGISTER) -> list[Group]:
    """What the words of the query find within a scope, grouped by register in the order of the catalogue."""
    query = query.strip()[:200]
    if not query:
        return []
    parts = ["SELECT id FROM register_search_entry WHERE key >= %s AND key < %s"]
    params: list[Any] = [query, query + "\U0010ffff"]
    match = _match(query)
    if match is not None:
        parts.append(f"SELECT * FROM ({match[0]}) AS found")
        params += match[1]
    wanted = RawSQL(" UNION ".join(parts), params)  # noqa: S611 - values are parameters, the statement is ours
    found = SearchEntry.objects.filter(scope.rows()).filter(pk__in=wanted)
    groups = {r.name: Group(r) for r in descriptor.catalogue()}
    limit = per_register * max(1, len(groups)) * 4
    for entry in found.order_by("-id")[:limit]:
        group = groups.get(entry.register)
        if group is None:
            continue
        if len(group.entries) < per_register:
            group.entries.append(entry)
        else:
            group.more = True
    return [g for g in groups.values() if g.entries]


def entries(register: Register, uids: Iterable[Any]) -> dict[Any, SearchEntry]:
    """Index entries by uid, for showing keys of linked rows without reading their tables."""
    return {e.uid: e for e in SearchEntry.objects.filter(register=register.name, uid__in=list(uids))}
