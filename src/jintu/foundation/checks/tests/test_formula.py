import pytest

from jintu.foundation.checks.formula import fill


def shown(filled):
    return "".join(p if isinstance(p, str) else f"[{p.text}{p.unit}]" for p in filled.pieces)


def test_names_become_numbers_with_units_and_other_words_stay():
    filled = fill("outside_m2 > max(100, 0.005 × area_m2)", {"outside_m2": 7550.32, "area_m2": 36525.5})
    assert shown(filled) == "[7\u00a0550.32m²] > max(100, 0.005 × [36\u00a0525.50m²])"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "—"), ("", "—"), (0, "0"), (12345, "12\u00a0345"), (0.25, "0.25"), (["a", "b"], "a、b"), (2026, "2026")],
)
def test_values_are_written_for_people(value, text):
    assert fill("x", {"x": value}).values[0].text == text


def test_a_formula_without_values_is_shown_as_it_is():
    assert shown(fill("A − B", {})) == "A − B"
