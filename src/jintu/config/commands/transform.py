"""``jintu transform``: a file on Beijing 1954 or Xian 1980 as a file on CGCS2000, by parameters the operator holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jintu.config.commands import echo_json, setup

if TYPE_CHECKING:
    from jintu.kernel.transformation import Residuals

__all__ = ["transform"]


@click.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--parameters",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="TOML file with the seven parameters and control points, readable by its owner only.",
)
@click.option("--crs", default=None, help="Of FILE, where it does not say.")
@click.option("--member", default=None, help="Layer or member inside FILE.")
@click.option("--json", "as_json", is_flag=True)
def transform(file: Path, out: Path, parameters: Path, crs: str | None, member: str | None, as_json: bool) -> None:
    """Write FILE, on an old datum, to OUT in longitude and latitude on CGCS2000 (EPSG:4490).

    Parameters that do not carry their control points to where they belong are refused. They are read and forgotten:
    the journal keeps the hashes of both files and the residuals.
    """
    setup()
    from django.db import transaction

    from jintu.foundation.journal import Actor, append
    from jintu.foundation.operations import clock
    from jintu.kernel import hashing, transformation

    held = transformation.load(parameters)
    limits = transformation.limits_on(clock.today())
    residuals = held.check(limits)
    rows = _written(file, out, held, limits, crs, member)
    facts = {
        "source": hashing.of_file(file),
        "written": hashing.of_file(out),
        "rows": rows,
        "from": held.source.datum.name,
        **_told(residuals),
    }
    with transaction.atomic():
        append("layer.transform", actor=Actor(), objects=[("layers.file", facts["written"])], facts=facts)
    if as_json:
        echo_json(facts)
        return
    click.echo(f"{rows:,} rows on CGCS2000: {out}")
    click.echo(f"{facts['points']} control points, worst {facts['worst_point']} {facts['worst_m']} m")


def _written(file: Path, out: Path, held: Any, limits: Any, crs: str | None, member: str | None) -> int:
    """Move every geometry of a file; the number of rows."""
    import pyarrow as pa
    import shapely

    from jintu.kernel import crs as systems
    from jintu.kernel import formats

    with formats.read(file, layer=member, crs=crs) as source:
        system = systems.parse(source.require_crs(), source.place())
        table = source.table()
        if source.problems:
            raise source.problems[0]
    shapes = shapely.from_wkb(table.column(formats.GEOMETRY).to_numpy(zero_copy_only=False))

    def moved(points: Any) -> Any:
        import numpy as np

        return np.column_stack(held.apply(points[:, 0], points[:, 1], system, limits, source.place()))

    wkb = shapely.to_wkb(shapely.transform(shapely.force_2d(shapes), moved), byte_order=1)
    where = table.column_names.index(formats.GEOMETRY)
    formats.write(out, table.set_column(where, formats.GEOMETRY, pa.array(wkb, pa.binary())), crs="EPSG:4490")
    return table.num_rows


def _told(residuals: Residuals) -> dict[str, Any]:
    name, metres = residuals.worst
    return {"points": len(residuals.names), "worst_point": name, "worst_m": round(metres, 3)}
