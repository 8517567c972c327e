"""Change of datum with seven parameters that the operator holds, allowed only where control points prove them.

The parameters between Beijing 1954 or Xian 1980 and CGCS2000 are not public. Who lawfully has a set keeps it in a TOML
file that nobody else can read::

    from = "EPSG:2364"                   # system of the old coordinates of the points
    to = "EPSG:4528"                     # system of their new ones, on CGCS2000
    convention = "position_vector"       # or "coordinate_frame": the signs of the rotations
    parameters = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]   # dx dy dz in m, rx ry rz in arc seconds, scale in ppm

    [[points]]                           # control points, known in both systems: east, north and, if known, height in m
    name = "N001"
    old = [40383000.0, 4013000.0]
    new = [40383118.2, 4013004.6]

`load` reads it, `Transformation.check` moves the points and refuses the set when one of them misses its new place by
more than the dated limits in ``transformation.csv`` allow: a wrong sign, unit or convention is metres off. `apply`
moves coordinates, near the control points only. The parameters are shown nowhere: not in ``repr``, errors or results.

Source: Helmert's transformation in the small-angle form of EPSG methods 9606 and 9607, through geocentric coordinates.
"""

from __future__ import annotations

import csv
import os
import stat
import tomllib
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from jintu.kernel import crs as systems
from jintu.kernel.errors import InputError, Missing, NotAllowed, Place, Refused
from jintu.kernel.flat import Floats

__all__ = ["Limits", "Residuals", "Transformation", "limits_on", "load"]

_ARC_SECOND = np.pi / 180 / 3600
_SIGNS = {"position_vector": 1.0, "coordinate_frame": -1.0}


@dataclass(frozen=True)
class Limits:
    """``points`` at least; no residual over ``largest_m``, their root mean square not over ``rms_m``; data at most the
    share ``beyond`` of the points' extent outside it."""

    points: int
    largest_m: float
    rms_m: float
    beyond: float


@dataclass(frozen=True)
class Residuals:
    """How far each control point is from its known place after the transformation, in metres on the ellipsoid."""

    names: tuple[str, ...]
    metres: Floats

    @property
    def worst(self) -> tuple[str, float]:
        """The point that fits worst."""
        k = int(np.argmax(self.metres))
        return self.names[k], float(self.metres[k])

    @property
    def rms_m(self) -> float:
        return float(np.sqrt(np.mean(self.metres**2)))


@dataclass(frozen=True)
class Transformation:
    """A set of parameters with its control points. ``old`` and ``new`` are (n, 3): east, north, height."""

    source: systems.Crs
    target: systems.Crs
    names: tuple[str, ...]
    old: Floats
    new: Floats
    parameters: tuple[float, ...] = field(repr=False)
    sign: float = field(repr=False)
    file: str = ""

    def residuals(self) -> Residuals:
        """Of every control point; heights do not count, because land surveys have none."""
        moved, (lon, lat) = self._move(self.old, self.source), _lonlat(self.new, self.target)
        ground = np.zeros(len(moved))
        apart = _geocentric(moved[:, 0], moved[:, 1], ground, systems.CGCS2000)
        apart -= _geocentric(lon, lat, ground, systems.CGCS2000)
        return Residuals(self.names, np.sqrt((apart**2).sum(axis=1)))

    def check(self, limits: Limits) -> Residuals:
        """The residuals, if they are within the limits. Raises `Refused` with the worst point and its residual."""
        if len(self.names) < limits.points:
            raise Refused(
                "The transformation is given with {given} control points; {needed} are needed.",
                place=Place(self.file),
                remedy="Add control points that were not used to find the parameters.",
                given=len(self.names),
                needed=limits.points,
            )
        found = self.residuals()
        name, metres = found.worst
        if not metres <= limits.largest_m:
            raise Refused(
                "The transformation does not fit: control point {point} is {residual} m from its place, {limit} m are "
                "allowed.",
                place=Place(self.file),
                remedy="Check the signs, units and convention of the parameters, and for which area they hold.",
                point=name,
                residual=f"{metres:.3f}",
                limit=limits.largest_m,
            )
        if found.rms_m > limits.rms_m:
            raise Refused(
                "The transformation does not fit: the mean residual is {mean} m, {limit} m are allowed; control point "
                "{point} is farthest off, {residual} m.",
                place=Place(self.file),
                remedy="Check the signs, units and convention of the parameters, and for which area they hold.",
                mean=f"{found.rms_m:.3f}",
                limit=limits.rms_m,
                point=name,
                residual=f"{metres:.3f}",
            )
        return found

    def apply(
        self, x: Floats, y: Floats, crs: systems.Crs, limits: Limits, place: Place | None = None
    ) -> tuple[Floats, Floats]:
        """CGCS2000 longitude and latitude of coordinates on the old datum, in the plane or not.

        The height is taken as the mean of the control points'. Raises `Refused` like `check`, and for coordinates too
        far from the control points; `InputError` for coordinates of another datum or that cannot be of ``crs``.
        """
        self.check(limits)
        if crs.datum is not self.source.datum:
            raise InputError(
                "The coordinates are on {datum}; the transformation is from {source}.",
                place=place,
                remedy="Use the parameters of that datum.",
                datum=crs.datum.name,
                source=self.source.datum.name,
            )
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        crs.check(x, y, place)
        if not len(x):
            return x, y
        heights = np.full(len(x), self.old[:, 2].mean())
        points = np.column_stack((x, y, heights))
        self._near(_lonlat(points, crs), limits, place)
        lon, lat = self._move(points, crs).T[:2]
        return lon, lat

    def _near(self, lonlat: tuple[Floats, Floats], limits: Limits, place: Place | None) -> None:
        for given, known in zip(lonlat, _lonlat(self.old, self.source), strict=True):
            slack = limits.beyond * max(known.max() - known.min(), 0.05)
            if given.min() < known.min() - slack or given.max() > known.max() + slack:
                raise Refused(
                    "The coordinates lie outside the area of the control points.",
                    place=place or Place(self.file),
                    remedy="Use the parameters of that area, or add control points there.",
                )

    def _move(self, points: Floats, crs: systems.Crs) -> Floats:
        """(n, 3) longitude, latitude and height on CGCS2000 of points on the old datum."""
        lon, lat = _lonlat(points, crs)
        place = _geocentric(lon, lat, points[:, 2], crs.datum)
        dx, dy, dz, rx, ry, rz, ppm = self.parameters
        a, b, c = (self.sign * angle * _ARC_SECOND for angle in (rx, ry, rz))
        turn = np.array([[1.0, -c, b], [c, 1.0, -a], [-b, a, 1.0]])
        return _geodetic(np.array([dx, dy, dz]) + (1 + ppm * 1e-6) * place @ turn.T)


def load(path: str | Path) -> Transformation:
    """The transformation in a file. Raises `Missing`, `NotAllowed` where others could read the file, and `InputError`
    for a file that does not say everything; no error repeats a value of it."""
    path = Path(path)
    place = Place(path.name)
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()
    except OSError:
        raise Missing("The file {path} is missing.", path=path.name) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise NotAllowed(
            "Others than its owner can read {path}.",
            place=place,
            remedy="Transformation parameters are confidential: chmod 600.",
            path=path.name,
        )
    try:
        return _parsed(tomllib.loads(text.decode("utf-8")), path.name)
    except (KeyError, TypeError, ValueError, IndexError):  # what stands there must not be in the message
        raise InputError(
            "The transformation file is not complete or not valid.",
            place=place,
            remedy="It needs from, to, convention, seven parameters, and points with name, old and new.",
        ) from None


def _parsed(facts: dict[str, Any], file: str) -> Transformation:
    parameters = tuple(float(v) for v in facts["parameters"])
    if len(parameters) != 7 or not np.isfinite(parameters).all():
        raise ValueError
    source, target = systems.parse(facts["from"], Place(file)), systems.parse(facts["to"], Place(file))
    if source.datum not in (systems.BEIJING54, systems.XIAN80) or target.datum is not systems.CGCS2000:
        raise InputError(
            "A transformation leads from Beijing 1954 or Xian 1980 to CGCS2000.",
            place=Place(file),
            remedy="Correct from and to.",
        )
    points = facts.get("points", [])
    old, new = (np.array([[*map(float, p[side]), 0.0][:3] for p in points]).reshape(-1, 3) for side in ("old", "new"))
    for crs, known in ((source, old), (target, new)):
        _possible(crs, known, Place(file))
    sign = _SIGNS[facts["convention"]]
    return Transformation(source, target, tuple(str(p["name"]) for p in points), old, new, parameters, sign, file)


def _possible(crs: systems.Crs, points: Floats, place: Place) -> None:
    try:
        crs.check(points[:, 0], points[:, 1])
    except InputError:  # its sentence would show coordinates of control points
        raise InputError(
            "Control points cannot lie where the transformation file says in {crs}.",
            place=place,
            remedy="Write east, north and height, and check the systems in from and to.",
            crs=crs.code,
        ) from None


@lru_cache(maxsize=1)
def _rows() -> list[dict[str, str]]:
    text = resources.files("jintu.kernel").joinpath("transformation.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def limits_on(day: date) -> Limits:
    """The limits in force on a day."""
    found = {
        row["name"]: float(row["value"])
        for row in _rows()
        if (row["valid_from"] or "0") <= day.isoformat() and day.isoformat() < (row["valid_to"] or "9999")
    }
    return Limits(int(found["points"]), found["largest_m"], found["rms_m"], found["beyond"])


# --- geodesy ----------


@lru_cache(maxsize=64)
def _projection(epsg: int, geographic: int) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(f"EPSG:{epsg}", f"EPSG:{geographic}", always_xy=True)


def _lonlat(points: Floats, crs: systems.Crs) -> tuple[Floats, Floats]:
    """Longitude and latitude on the points' own datum: the projection alone."""
    if crs.zone is None:
        return points[:, 0], points[:, 1]
    lon, lat = _projection(crs.epsg, crs.datum.epsg).transform(points[:, 0], points[:, 1])
    return np.asarray(lon), np.asarray(lat)


def _geocentric(lon: Floats, lat: Floats, height: Floats, datum: systems.Datum) -> Floats:
    """(n, 3) metres from the centre of the ellipsoid."""
    e2, lam, phi = datum.eccentricity_squared, np.radians(lon), np.radians(lat)
    across = datum.semi_major / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    out = (across + height) * np.cos(phi)
    return np.column_stack((out * np.cos(lam), out * np.sin(lam), (across * (1 - e2) + height) * np.sin(phi)))


def _geodetic(place: Floats) -> Floats:
    """(n, 3) longitude, latitude and height on CGCS2000, by iteration: each step gains three digits."""
    x, y, z = place.T
    a, e2 = systems.CGCS2000.semi_major, systems.CGCS2000.eccentricity_squared
    out = np.hypot(x, y)
    phi = np.arctan2(z, out * (1 - e2))
    for _ in range(6):
        across = a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
        phi = np.arctan2(z + e2 * across * np.sin(phi), out)
    across = a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    height = out * np.cos(phi) + z * np.sin(phi) - across * (1 - e2 * np.sin(phi) ** 2)
    return np.column_stack((np.degrees(np.arctan2(y, x)), np.degrees(phi), height))
