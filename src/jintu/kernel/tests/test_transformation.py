"""Seven parameters: right ones move like PROJ, wrong ones are refused with the worst control point, none is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel import crs as systems
from jintu.kernel import transformation
from jintu.kernel.errors import InputError, JintuError, Missing, NotAllowed, Refused

LIMITS = transformation.limits_on(date(2026, 6, 15))
MADE_UP = (123.5, -87.25, 61.75, 1.125, -0.875, 2.0625, -4.53125)
"""Parameters of no real place."""
OLD, NEW = "EPSG:2364", "EPSG:4528"
POINTS = [(f"N{k + 1:03d}", (40_380_000.0 + x, 4_010_000.0 + y, 100.0 + 7 * k)) for k, (x, y) in enumerate(
    [(0, 0), (30_000, 2_000), (28_000, 25_000), (3_000, 27_000), (15_000, 14_000)]
)]  # fmt: skip


def by_proj(points, parameters=MADE_UP, convention="position_vector"):
    """East and north on CGCS2000 of points on Xian 1980, by PROJ."""
    dx, dy, dz, rx, ry, rz, s = parameters
    shift = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +inv +proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=40500000 +y_0=0 +a=6378140 +rf=298.257 "
        "+step +proj=cart +a=6378140 +rf=298.257 "
        f"+step +proj=helmert +x={dx} +y={dy} +z={dz} +rx={rx} +ry={ry} +rz={rz} +s={s} +convention={convention} "
        "+step +inv +proj=cart +a=6378137 +rf=298.257222101 "
        "+step +proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=40500000 +y_0=0 +a=6378137 +rf=298.257222101"
    )
    x, y, h = np.array(points).T
    return np.column_stack(shift.transform(x, y, h))


def file(
    folder: Path, parameters=MADE_UP, convention="position_vector", points=POINTS, moved=None, extra="", mode=0o600
) -> Path:
    new = by_proj([p for _, p in points]) if len(points) else []
    text = [f'from = "{OLD}"\nto = "{NEW}"\nconvention = "{convention}"\nparameters = {list(parameters)}\n{extra}']
    for (name, old), place in zip(points, new, strict=True):
        at = list(place + np.array([*(moved or {}).get(name, (0, 0)), 0]))
        text.append(f'[[points]]\nname = "{name}"\nold = {list(old)}\nnew = {[float(v) for v in at]}')
    path = folder / "xian80.toml"
    path.write_text("\n".join(text))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("convention", ["position_vector", "coordinate_frame"])
def test_it_moves_like_proj(tmp_path, convention) -> None:
    signs = 1 if convention == "position_vector" else -1
    parameters = (*MADE_UP[:3], *(signs * r for r in MADE_UP[3:6]), MADE_UP[6])
    held = transformation.load(file(tmp_path, parameters, convention))
    residuals = held.check(LIMITS)
    assert residuals.metres.max() < 1e-6
    inside = [(40_391_234.5, 4_022_345.6, held.old[:, 2].mean())]
    lon, lat = held.apply(*np.array(inside).T[:2], systems.parse(OLD), LIMITS)
    east, north = by_proj(inside)[0][:2]
    expected = systems.to_lonlat((np.array([east]), np.array([north])), systems.parse(NEW))
    assert np.allclose((lon, lat), expected, rtol=0, atol=1e-11)


WRONG = {
    "sign of a rotation": (*MADE_UP[:3], -MADE_UP[3], *MADE_UP[4:]),
    "all rotations": (*MADE_UP[:3], *(-r for r in MADE_UP[3:6]), MADE_UP[6]),
    "radians for seconds": (*MADE_UP[:3], *(r / 206265 for r in MADE_UP[3:6]), MADE_UP[6]),
    "sign of a shift": (-MADE_UP[0], *MADE_UP[1:]),
    "shifts in another order": (MADE_UP[1], MADE_UP[0], *MADE_UP[2:]),
    "nothing": (0.0,) * 7,
}


@pytest.mark.parametrize("parameters", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_set_is_refused_with_the_worst_point(tmp_path, parameters) -> None:
    held = transformation.load(file(tmp_path, parameters))
    with pytest.raises(Refused) as caught:
        held.apply(np.array([40_390_000.0]), np.array([4_020_000.0]), systems.parse(OLD), LIMITS)
    name, metres = held.residuals().worst
    assert name in str(caught.value) and f"{metres:.3f} m" in str(caught.value) and metres > 0.5
    told = str(caught.value) + repr(caught.value) + repr(held)
    assert not any(str(abs(v)) in told for v in MADE_UP if v)


def test_a_wrong_scale_moves_points_up_and_not_aside(tmp_path) -> None:
    held = transformation.load(file(tmp_path, (*MADE_UP[:6], -MADE_UP[6])))
    assert held.check(LIMITS).worst[1] < 0.3


@given(st.integers(0, 4), st.floats(0.55, 500), st.floats(0, 2 * np.pi))
@settings(max_examples=20, deadline=None)
def test_one_wrong_control_point_is_named(tmp_path_factory, which, metres, angle) -> None:
    name = POINTS[which][0]
    moved = {name: (metres * np.cos(angle), metres * np.sin(angle))}
    held = transformation.load(file(tmp_path_factory.mktemp("t"), moved=moved))
    assert held.residuals().worst == (name, pytest.approx(metres, rel=1e-3))
    with pytest.raises(Refused, match=name):
        held.check(LIMITS)


def test_many_small_residuals_are_refused_by_their_mean(tmp_path) -> None:
    moved = {name: (0.3 if k % 2 else -0.3, 0.1) for k, (name, _) in enumerate(POINTS)}
    with pytest.raises(Refused, match=r"mean residual is 0\.316 m, 0\.25 m are allowed"):
        transformation.load(file(tmp_path, moved=moved)).check(LIMITS)


def test_too_few_points_and_data_far_from_them(tmp_path) -> None:
    with pytest.raises(Refused, match="3 control points; 4 are needed"):
        transformation.load(file(tmp_path, points=POINTS[:3])).check(LIMITS)
    held = transformation.load(file(tmp_path))
    with pytest.raises(Refused, match="outside the area"):
        held.apply(np.array([40_480_000.0]), np.array([4_020_000.0]), systems.parse(OLD), LIMITS)
    with pytest.raises(InputError, match="the transformation is from Xian 1980"):
        held.apply(np.array([40_390_000.0]), np.array([4_020_000.0]), systems.parse("EPSG:2416"), LIMITS)
    x, _ = held.apply(np.empty(0), np.empty(0), systems.parse(OLD), LIMITS)
    assert not len(x)


def test_a_file_that_others_can_read_is_not_taken(tmp_path) -> None:
    with pytest.raises(NotAllowed, match="chmod 600"):
        transformation.load(file(tmp_path, mode=0o640))
    with pytest.raises(Missing):
        transformation.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("123.5, ", ""),
        ("123.5", '"x"'),
        ("123.5", "nan"),
        ("position_vector", "other"),
        ('from = "', 'whence = "'),
        ("2364", "4528"),
        ("40380000.0", "380000.0"),
        ("[[points]]", "[[points"),
    ],
)
def test_a_file_that_is_not_right_is_refused_without_its_values(tmp_path, old, new) -> None:
    path = file(tmp_path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(JintuError) as caught:
        transformation.load(path)
    assert not any(str(abs(v)) in str(caught.value) for v in (*MADE_UP, 40380000.0, 380000.0))


def test_limits_have_dates(monkeypatch) -> None:
    rows = transformation._rows()
    later = [dict(r, valid_from="2030-01-01", value="0.1") if r["name"] == "largest_m" else r for r in map(dict, rows)]
    ended = [dict(r, valid_to="2030-01-01") for r in rows if r["name"] == "largest_m"]
    monkeypatch.setattr(transformation, "_rows", lambda: [*ended, *later])
    assert transformation.limits_on(date(2029, 12, 31)).largest_m == LIMITS.largest_m
    assert transformation.limits_on(date(2030, 1, 1)).largest_m == 0.1
