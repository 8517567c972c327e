"""Areas and sums of money as people write them → exact Decimal m² and yuan, and back.

>>> area("19983.72平方米"), area("12.7709", header="土地面积(公顷)"), area("1.5亩")
(Decimal('19983.72'), Decimal('127709.0000'), Decimal('1000.00'))
>>> money("1 390万元"), money("51.1179", header="成交价(万元)")
(Decimal('13900000'), Decimal('511179.0000'))
"""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal, localcontext

from jintu.kernel.errors import InputError, Place, Unsupported

__all__ = [
    "AREA_UNITS",
    "CENT",
    "HECTARE",
    "MONEY_UNITS",
    "MU",
    "area",
    "area_in",
    "area_unit",
    "money",
    "money_in",
    "money_unit",
    "number",
    "round_to",
]

HECTARE = Decimal(10_000)
MU = Decimal(2000) / Decimal(3)
"""One mu, 2000/3 m² (1 ha = 15 mu). Converted as ×2000÷3, never through this rounded quotient."""
CENT = Decimal("0.01")

# unit -> (numerator, denominator) of its size in m²; mu is a third, so it must stay a fraction
AREA_UNITS: dict[str, tuple[Decimal, Decimal]] = {
    "m2": (Decimal(1), Decimal(1)),
    "mu": (Decimal(2000), Decimal(3)),
    "ha": (HECTARE, Decimal(1)),
    "km2": (Decimal(1_000_000), Decimal(1)),
    "wan_m2": (HECTARE, Decimal(1)),
    "wan_mu": (Decimal(20_000_000), Decimal(3)),
}
MONEY_UNITS: dict[str, Decimal] = {"yuan": Decimal(1), "wan_yuan": Decimal(10_000), "yi_yuan": Decimal(100_000_000)}

# longest first: "万平方米" must not be read as "平方米"
_AREA_WORDS = (
    ("万平方米", "wan_m2"),
    ("万亩", "wan_mu"),
    ("平方公里", "km2"),
    ("平方千米", "km2"),
    ("km2", "km2"),
    ("平方米", "m2"),
    ("平米", "m2"),
    ("m2", "m2"),
    ("square metre", "m2"),
    ("square meter", "m2"),
    ("sq.m", "m2"),
    ("公顷", "ha"),
    ("hectare", "ha"),
    ("ha", "ha"),
    ("市亩", "mu"),
    ("亩", "mu"),
    ("mu", "mu"),
)
_MONEY_WORDS = (
    ("ten thousand yuan", "wan_yuan"),
    ("亿元", "yi_yuan"),
    ("亿", "yi_yuan"),
    ("万元", "wan_yuan"),
    ("万", "wan_yuan"),
    ("人民币元", "yuan"),
    ("元", "yuan"),
    ("yuan", "yuan"),
    ("rmb", "yuan"),
    ("cny", "yuan"),
    ("圆", "yuan"),
)
_FOREIGN = (
    "美元",
    "港元",
    "港币",
    "欧元",
    "日元",
    "英镑",
    "澳元",
    "新台币",
    "usd",
    "hkd",
    "eur",
    "jpy",
    "gbp",
    "$",
    "€",
    "£",
)
_PER = re.compile(r"[/／每]|单价|均价|\bper\b")
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:[, ]\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?|[+-]?\.\d+", re.ASCII)
_NOTHING = {"", "-", "--", "---", "—", "/", "无", "none", "null", "nan", "不限", "空"}


def _plain(text: str) -> str:
    """Half-width, lower case, one kind of space: NFKC turns ㎡ into m2, ２ into 2, （ into (."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().lower()


def number(text: object, *, place: Place | None = None) -> Decimal | None:
    """An exact number, None for an empty cell ("", "-", "无"). Accepts "13 900 000", "1,234.5" and full-width digits.

    Floats (from spreadsheets) are taken by their shortest decimal form. Raises InputError for anything else, also for
    several numbers in one cell ("1779|10837").
    """
    if text is None or isinstance(text, bool):
        return None
    if isinstance(text, Decimal):
        found = text
    elif isinstance(text, (int, float)):
        found = Decimal(repr(text))
    else:
        plain = _plain(str(text))
        if plain in _NOTHING:
            return None
        if not _NUMBER.fullmatch(plain):
            raise InputError(
                "{value} is not a number.",
                place=place,
                remedy="Write one number, with a point.",
                value=str(text).strip(),
            )
        found = Decimal(plain.replace(",", "").replace(" ", ""))
    return _bounded(found, text, place)


def _bounded(found: Decimal, text: object, place: Place | None) -> Decimal:
    """The number. Raises InputError for what no area and no sum can be: infinities, NaN, and 10¹⁸ and more."""
    if not found.is_finite() or found.adjusted() >= 18 or (found and found.adjusted() < -18):
        raise InputError(
            "{value} is not an amount that can be meant.",
            place=place,
            remedy="Correct the value.",
            value=str(text).strip()[:60],
        )
    return found


def _split(text: str, place: Place | None) -> tuple[Decimal, str] | None:
    """(number, the rest behind it) of "19983.72平方米"; None for an empty cell."""
    plain = _plain(text)
    if plain in _NOTHING:
        return None
    found = _NUMBER.search(plain)
    if not found:
        raise InputError(
            "{value} holds no number.", place=place, remedy="Write the amount as a number.", value=text.strip()
        )
    before, rest = plain[: found.start()].strip(), plain[found.end() :].strip()
    if _NUMBER.search(rest) and not re.fullmatch(r"[a-z\u4e00-\u9fff. ()]*m2\)?", rest):
        raise InputError(
            "{value} holds more than one number.", place=place, remedy="Write one amount per cell.", value=text.strip()
        )
    if before and not re.fullmatch(r"[约共计合人民币¥￥:()\s]*|rmb|cny", before):
        raise InputError(
            "{value} is not an amount: {before} stands before the number.",
            place=place,
            remedy="Write the number and its unit only.",
            value=text.strip(),
            before=before,
        )
    return _bounded(Decimal(found.group().replace(",", "").replace(" ", "")), text, place), rest


def _unit(plain: str, words: tuple[tuple[str, str], ...]) -> str | None:
    """The unit that ends the text or stands in its last brackets."""
    bare = plain.strip(" ()[]:.,;。，")
    for word, unit in words:
        if bare == word or (not word.isascii() and bare.endswith(word)):
            return unit
        if word.isascii() and re.search(rf"(?<![a-z]){re.escape(word)}s?$", bare):
            return unit
    return None


def _of_header(header: str, words: tuple[tuple[str, str], ...]) -> str | None:
    """Unit in the brackets of a header: 面积(公顷), 成交价（万元）, 土地面积(m)[sic], Area (hectare).

    Units per something else (投资强度(万元/公顷)) are no unit of an area or a sum.
    """
    plain = _plain(header)
    for inner in reversed(re.findall(r"[(\[〔【]([^()\[\]〔〕【】]*)[)\]〕】]", plain) or [plain]):
        if _PER.search(inner):
            return None
        if unit := _unit(inner, words):
            return unit
    return None


def area_unit(header: str) -> str | None:
    """Key of AREA_UNITS named by a column header, None when it names none.

    >>> area_unit("总面积(公顷)"), area_unit("投资强度(万元/公顷)"), area_unit("面积")
    ('ha', None, None)
    """
    return _of_header(header, _AREA_WORDS)


def money_unit(header: str) -> str | None:
    """Key of MONEY_UNITS named by a column header.

    >>> money_unit("竞买(投标)保证金(人民币万元)"), money_unit("Transaction price (ten thousand yuan)")
    ('wan_yuan', 'wan_yuan')
    """
    return _of_header(header, _MONEY_WORDS)


def area(
    value: object, unit: str | None = None, *, header: str = "", place: Place | None = None, signed: bool = False
) -> Decimal | None:
    """Exact m² of a cell, None when it is empty.

    The unit written in the cell wins over the one in the header; ``unit`` (a key of AREA_UNITS) is used when neither
    names one. Not rounded: `round_to` does that once, at the end. Raises InputError for a missing unit, a negative
    area (unless ``signed``), or a cell that is no amount.
    """
    if value is None or isinstance(value, (int, float, Decimal)):
        found, written = number(value, place=place), None
        if found is None:
            return None
    else:
        split = _split(str(value), place)
        if split is None:
            return None
        found, rest = split
        if rest and _PER.search(rest):
            raise InputError("{value} is a rate, not an area.", place=place, value=str(value).strip())
        written = _unit(rest, _AREA_WORDS)
        if rest and not written:
            raise InputError(
                "{value} is not an area: {unit} is not a unit of area.",
                place=place,
                remedy="Use 平方米, 亩, 公顷 or 平方公里.",
                value=str(value).strip(),
                unit=rest,
            )
    chosen = written or area_unit(header) or unit
    if chosen is None:
        raise InputError(
            "The area {value} has no unit.",
            place=place,
            remedy="Write it in the cell or the header, or choose it in the mapping.",
            value=str(value),
        )
    if chosen not in AREA_UNITS:
        raise Unsupported("There is no unit of area {unit}.", place=place, unit=chosen)
    if found < 0 and not signed:
        raise InputError("The area {value} is negative.", place=place, remedy="Correct the value.", value=str(value))
    return _times(found, *AREA_UNITS[chosen])


def money(
    value: object, unit: str | None = None, *, header: str = "", place: Place | None = None, signed: bool = False
) -> Decimal | None:
    """Exact yuan of a cell, None when it is empty; the unit is found as in `area`.

    Raises Unsupported for other currencies, InputError for a missing unit, a negative sum or a rate (万元/公顷).
    """
    if value is None or isinstance(value, (int, float, Decimal)):
        found, written = number(value, place=place), None
        if found is None:
            return None
    else:
        plain = _plain(str(value))
        for word in _FOREIGN:
            if word in plain:
                raise Unsupported(
                    "{value} is in a foreign currency.",
                    place=place,
                    remedy="Enter the yuan of the day the contract names.",
                    value=str(value).strip(),
                )
        split = _split(str(value), place)
        if split is None:
            return None
        found, rest = split
        if rest and _PER.search(rest):
            raise InputError("{value} is a rate, not a sum of money.", place=place, value=str(value).strip())
        written = _unit(rest, _MONEY_WORDS)
        if rest and not written:
            raise InputError(
                "{value} is not a sum of money: {unit} is not a unit of money.",
                place=place,
                remedy="Use 元, 万元 or 亿元.",
                value=str(value).strip(),
                unit=rest,
            )
    if not written and any(word in _plain(header) for word in _FOREIGN):
        raise Unsupported(
            "The column {header} is in a foreign currency.",
            place=place,
            remedy="Enter the yuan of the day the contract names.",
            header=header,
        )
    chosen = written or money_unit(header) or unit
    if chosen is None:
        raise InputError(
            "The sum {value} has no unit.",
            place=place,
            remedy="Write it in the cell or the header, or choose it in the mapping.",
            value=str(value),
        )
    if chosen not in MONEY_UNITS:
        raise Unsupported("There is no unit of money {unit}.", place=place, unit=chosen)
    if found < 0 and not signed:
        raise InputError("The sum {value} is negative.", place=place, remedy="Correct the value.", value=str(value))
    return _times(found, MONEY_UNITS[chosen], Decimal(1))


def _times(found: Decimal, numerator: Decimal, denominator: Decimal) -> Decimal:
    """found × numerator ÷ denominator, exact wherever the result is finite; a mu ends in thirds: 28 digits."""
    with localcontext() as context:
        context.prec = 60
        product = found * numerator
        if denominator == 1:
            return product
        quotient = product / denominator
        if quotient * denominator == product:
            return quotient.quantize(CENT) if quotient == quotient.quantize(CENT) else quotient.normalize()
        context.prec = 28
        return +quotient


def round_to(value: Decimal, step: Decimal = CENT) -> Decimal:
    """Rounded half up (四舍五入), as the survey rules and the accounts want it.

    >>> round_to(Decimal("0.125"))
    Decimal('0.13')
    """
    return value.quantize(step, rounding=ROUND_HALF_UP)


def area_in(m2: Decimal, unit: str) -> Decimal:
    """m² expressed in a unit of AREA_UNITS.

    >>> area_in(Decimal("10000"), "mu")
    Decimal('15')
    """
    numerator, denominator = AREA_UNITS[unit]
    return m2 * denominator / numerator


def money_in(yuan: Decimal, unit: str) -> Decimal:
    """Yuan expressed in a unit of MONEY_UNITS."""
    return yuan / MONEY_UNITS[unit]
