import datetime as dt
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jintu.kernel import hashing
from jintu.kernel.errors import InputError

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.dates()
    | st.decimals(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), values, max_size=4))
def test_the_order_of_keys_makes_no_difference(value):
    assert hashing.of_json(value) == hashing.of_json(dict(reversed(list(value.items()))))


def test_equal_values_have_one_spelling_and_kinds_stay_apart():
    assert hashing.of_json(Decimal("1.50")) == hashing.of_json(Decimal("1.5"))
    assert hashing.of_json(Decimal("-0.00")) == hashing.of_json(Decimal("0"))
    assert hashing.of_json(-0.0) == hashing.of_json(0.0)
    assert hashing.of_json("1") != hashing.of_json(1) != hashing.of_json(Decimal(1)) != hashing.of_json(True)
    assert hashing.of_json("2009-06-02") != hashing.of_json(dt.date(2009, 6, 2))
    zone = dt.timezone(dt.timedelta(hours=8))
    assert hashing.of_json(dt.datetime(2020, 1, 1, 8, tzinfo=zone)) == hashing.of_json(
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), object()])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(TypeError):
        hashing.canonical(value)


def test_known_digests():
    assert hashing.of_bytes(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    # GB/T 32905-2016, A.1
    assert hashing.of_bytes(b"abc", "sm3") == "sm3:66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    with pytest.raises(ValueError, match="md5"):
        hashing.of_bytes(b"", "md5")


@given(st.lists(st.text(max_size=4), min_size=1, max_size=9), st.data())
def test_a_merkle_root_changes_with_any_leaf(hashes, data):
    root = hashing.merkle_root(hashes)
    at = data.draw(st.integers(0, len(hashes) - 1))
    assert hashing.merkle_root([*hashes[:at], hashes[at] + "x", *hashes[at + 1 :]]) != root
    assert hashing.merkle_root([*hashes, ""]) != root


def test_a_leaf_cannot_pose_as_a_node():
    a, b = hashing.of_bytes(b"a"), hashing.of_bytes(b"b")
    assert hashing.merkle_root([a, b]) != hashing.merkle_root([a + b])


def test_a_changed_file_is_found(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    hashing.check(path, hashing.of_bytes(b"abc"))
    hashing.check(io.BytesIO(b"abc"), hashing.of_bytes(b"abc", "sm3"))
    with pytest.raises(InputError, match="has changed"):
        hashing.check(path, hashing.of_bytes(b"abd"))
    with pytest.raises(InputError, match="no known algorithm"):
        hashing.check(path, "crc32:00")
