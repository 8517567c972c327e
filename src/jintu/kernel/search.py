"""Words for full-text search: Chinese as overlapping pairs of characters, everything else as whole words.

The same terms serve SQLite FTS5 (``unicode61``) and PostgreSQL (``simple``): `index_text` is what is stored,
`fts5_query` and `tsquery` are what is asked. A Chinese word of two characters, the normal length, is one term.

>>> index_text("示例县国土资函〔2009〕123号")
'示例 例县 县国 国土 土资 资函 函 2009 123 号'
>>> fts5_query("国土资 123"), tsquery("土地")
('"国土 土资" "123"', "'土地'")
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["fts5_query", "highlight", "index_text", "index_texts", "terms", "tsquery"]

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff〇"
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")


_END, _LAST, _IS_HAN = "\0", 0x40000, 2


def _runs(text: str) -> list[str]:
    """Runs of Chinese characters and runs of letters or digits, half-width and lower-case."""
    plain = text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)
    return _RUN.findall(plain.lower())


def _is_han(run: str) -> bool:
    """Whether a run is of Chinese characters; runs are of one kind, so the first character tells."""
    first = run[0]
    return (
        first >= "\u3400"
        and (
            first <= "\u4dbf" or "\u4e00" <= first <= "\u9fff" or "\uf900" <= first <= "\ufaff" or first >= "\U00020000"
        )
    ) or first == "〇"


def terms(text: str) -> list[str]:
    """Terms of a text in order. A run of n Chinese characters gives n − 1 pairs and, at its end, the last character.

    The last character is a term of its own so that a query of one character finds runs that end with it; queries of one
    character use a prefix and find all others.
    """
    found: list[str] = []
    for run in _runs(text):
        if _is_han(run):
            found += [run[i : i + 2] for i in range(len(run) - 1)]
            found.append(run[-1])
        else:
            found.append(run)
    return found


def index_text(*texts: str | None) -> str:
    """What to store in the search column for these fields.

    A run's last character follows its pairs, so a phrase of pairs never runs from one field into the next.
    """
    found: list[str] = []
    for text in texts:
        if text:
            found += terms(text)
    return " ".join(found)


def index_texts(texts: Sequence[str]) -> list[str]:
    """`index_text` of each of many texts, worked out for all characters at once: ten times as fast.

    >>> index_texts(["示例县 No. 1", ""])
    ['示例 例县 县 no 1', '']
    """
    import numpy as np

    if not texts:
        return []
    joined = _END.join([text.replace(_END, " ") for text in texts] if any(_END in t for t in texts) else texts)
    plain = joined if unicodedata.is_normalized("NFKC", joined) else unicodedata.normalize("NFKC", joined)
    codes = np.frombuffer(plain.lower().encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kinds = _kinds()[np.minimum(codes, _LAST)]
    goes_on = np.zeros(len(codes), dtype=bool)
    goes_on[:-1] = kinds[:-1] == kinds[1:]
    kept, pair = (kinds > 0) | (codes == 0), (kinds == _IS_HAN) & goes_on
    ends = (kinds > 0) & (pair | ~goes_on)  # a blank follows
    lengths = kept.astype(np.int64) + pair + ends
    starts = np.cumsum(lengths) - lengths
    made = np.full(int(lengths.sum()), ord(" "), dtype=np.uint32)
    made[starts[kept]] = codes[kept]
    made[starts[pair] + 1] = codes[1:][pair[:-1]]
    text = made.tobytes().decode("utf-32-le", "surrogatepass")
    return [terms.rstrip(" ") for terms in text.split(_END)]


@cache
def _kinds() -> NDArray[np.uint8]:
    """What each character is: 0 nothing, 1 part of a word, 2 Chinese. Beyond the last plane of Chinese, nothing."""
    import numpy as np

    kinds = np.fromiter((chr(code).isalnum() for code in range(_LAST + 1)), dtype=np.uint8, count=_LAST + 1)
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF), (0x3007, 0x3007)):
        kinds[first : last + 1] = _IS_HAN
    kinds[_LAST] = 0
    return kinds


def _phrases(query: str) -> list[list[str]]:
    """Each run of the query as the terms that must stand side by side."""
    found = []
    for run in _runs(query)[:20]:
        if _is_han(run) and len(run) > 1:
            found.append([run[i : i + 2] for i in range(len(run) - 1)])
        else:
            found.append([run])
    return found


def fts5_query(query: str, *, prefix: bool = True) -> str:
    """MATCH expression: all runs, Chinese ones as phrases; the last run may be a beginning. Empty for an empty query.

    Quoting leaves no operator of FTS5 to the person who types.
    """
    phrases = _phrases(query)
    parts = []
    for i, phrase in enumerate(phrases):
        text = '"' + " ".join(term.replace('"', '""') for term in phrase) + '"'
        single = len(phrase) == 1 and len(phrase[0]) == 1 and _is_han(phrase[0])
        last_word = i == len(phrases) - 1 and not _is_han(phrase[0]) and prefix and not phrase[0].isdigit()
        parts.append(text + ("*" if single or last_word else ""))
    return " ".join(parts)


def tsquery(query: str, *, prefix: bool = True) -> str:
    """The same as text for ``to_tsquery('simple', …)``: pairs joined by <->, runs by &."""
    phrases = _phrases(query)
    parts = []
    for i, phrase in enumerate(phrases):
        single = len(phrase) == 1 and len(phrase[0]) == 1 and _is_han(phrase[0])
        last_word = i == len(phrases) - 1 and not _is_han(phrase[0]) and prefix and not phrase[0].isdigit()
        quoted = ["'" + term.replace("\\", "\\\\").replace("'", "''") + "'" for term in phrase]
        if single or last_word:
            quoted[-1] += ":*"
        parts.append(" <-> ".join(quoted))
    return " & ".join(parts)


def highlight(text: str, query: str) -> list[tuple[str, bool]]:
    """(piece, whether the query asked for it) in order: for marking hits on a page without building HTML here.

    >>> highlight("示例县土地", "土地")
    [('示例县', False), ('土地', True)]
    """
    words = sorted({re.escape(run) for run in _runs(query)}, key=len, reverse=True)
    if not words:
        return [(text, False)] if text else []
    return [
        (piece, i % 2 == 1) for i, piece in enumerate(re.split("(" + "|".join(words) + ")", text, flags=re.I)) if piece
    ]
