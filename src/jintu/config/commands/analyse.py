"""``jintu analyse``: areas of parcels by an attribute of a layer."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from jintu.config.commands import echo_json, progress_line, setup

__all__ = ["analyse"]


@click.command()
@click.argument("parcels", type=click.Path(exists=True, path_type=Path))
@click.argument("layer", metavar="LAYER[@VERSION|@DATE]")
@click.option(
    "--by",
    "by",
    metavar="ATTR[,ATTR…]",
    required=True,
    help="Attributes of the layer, standard codes (DLBM) or English names; several are told in combination.",
)
@click.option("--id", "identifier", default="", help="Column of PARCELS that names a parcel; default is the row.")
@click.option("--crs", default=None, help="Of the parcels, where the file does not say.")
@click.option("--member", default=None, help="Layer or member inside PARCELS.")
@click.option("--division", default="", help="Whose layer; default is the node's division.")
@click.option("--threads", type=click.IntRange(min=1), default=None, help="Default is one per core.")
@click.option(
    "--executor",
    "where",
    default="",
    help="Where the work is done: threads, or dask://host:port; default is the node's setting.",
)
@click.option("--json", "as_json", is_flag=True)
def analyse(
    parcels: Path,
    layer: str,
    by: str,
    identifier: str,
    crs: str | None,
    member: str | None,
    division: str,
    threads: int | None,
    where: str,
    as_json: bool,
) -> None:
    """Areas in m² of each parcel by the values of a layer's attributes, each with the hash of the version used.

    Areas are ellipsoidal on CGCS2000. What lies outside the layer has no value and is left out.
    """
    setup()
    from django.conf import settings

    from jintu.foundation.layers import overlaying, schemas
    from jintu.foundation.operations import executing
    from jintu.kernel.executors import Threads

    name, _, at = layer.partition("@")
    schema = schemas.get(name)
    names = [a.strip() for a in by.split(",") if a.strip()]
    columns = [schema.attribute(a).name for a in names]
    pieces = _versions(schema.name, at, division or settings.NODE.division)
    with progress_line() as progress:
        progress(0, 0, "reading")
        ids, polygons = overlaying.parcels_of(parcels, identifier=identifier, crs=crs, member=member)
        progress(0, 0, "overlaying")
        runs = Threads(threads) if threads else executing.executor(where)
        found = overlaying.by_attributes(polygons, pieces, columns, runs)
    used = {v.pk: v.hash for v in pieces}
    rows = [
        {
            "parcel": ids[i],
            **dict(zip(names, values, strict=True)),
            "area_m2": round(area, 4),
            "layer_version": used[version],
        }
        for i, values, area, version in found
    ]
    if as_json:
        echo_json(rows)
        return
    for row in rows:
        values = " ".join(f"{row[name] or '—':<8}" for name in names)
        click.echo(f"{row['parcel']!s:<24} {values} {row['area_m2']:16,.2f}")
    for v in pieces:
        click.echo(f"{v.layer} {v.division} {v.name} {v.hash}", err=True)


def _versions(layer: str, at: str, division: str) -> list[Any]:
    """The version named, or those in force on a day, or the newest."""
    from jintu.foundation.layers import versions
    from jintu.foundation.operations.clock import today
    from jintu.kernel.errors import Missing

    try:
        day = date.fromisoformat(at) if at else today()
    except ValueError:
        return [versions.find(layer, at, division)]
    found = versions.pieces_in_force(layer, division, day)
    if not found and at:
        return [versions.find(layer, at, division)]
    if not found:
        raise Missing("No version of {layer} is in force on {day}.", layer=layer, day=day.isoformat())
    return found
