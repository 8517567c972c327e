"""``jintu layer imagery``: pictures under the map."""

from __future__ import annotations

from datetime import datetime

import click
from django.utils.translation import gettext as _

from jintu.config.commands import echo_json, setup

__all__ = ["imagery"]


@click.group()
def imagery() -> None:
    """Pictures under the map, of the operator's own; none is on until it is turned on."""


@imagery.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_imagery(as_json: bool) -> None:
    """All sources."""
    setup()
    from jintu.foundation.layers.models import ImagerySource

    rows = list(ImagerySource.objects.values("name", "kind", "url", "attribution", "taken_on", "enabled"))
    if as_json:
        echo_json(rows)
        return
    for row in rows:
        click.echo(f"{'on ' if row['enabled'] else 'off'}  {row['name']:<24} {row['kind']:<5} {row['url']}")


@imagery.command()
@click.argument("name")
@click.argument("url")
@click.option("--kind", type=click.Choice(["xyz", "wmts"]), default="xyz")
@click.option("--attribution", default="")
@click.option("--taken-on", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--min-zoom", type=click.IntRange(0, 24), default=0)
@click.option("--max-zoom", type=click.IntRange(0, 24), default=18)
@click.option("--tile-size", type=click.Choice(["256", "512"]), default="256")
def add(
    name: str,
    url: str,
    kind: str,
    attribution: str,
    taken_on: datetime | None,
    min_zoom: int,
    max_zoom: int,
    tile_size: str,
) -> None:
    """Add or change a source. URL has {z}, {x} and {y}; its host must be among the node's imagery hosts."""
    from jintu.kernel.errors import InputError, Place

    if not url.startswith(("https://", "http://", "/")) or not all(part in url for part in ("{z}", "{x}", "{y}")):
        raise InputError(
            "The address {url} is no tile address.",
            place=Place(field="url"),
            remedy="Write it with {{z}}, {{x}} and {{y}}.",
            url=url,
        )
    setup()
    from jintu.foundation.layers import imagery as sources

    sources.save(
        name,
        url=url,
        kind=kind,
        attribution=attribution,
        taken_on=taken_on.date() if taken_on else None,
        min_zoom=min_zoom,
        max_zoom=max_zoom,
        tile_size=int(tile_size),
    )
    click.echo(_("{name} kept; turn it on with: jintu layer imagery on {name}").format(name=name))


@imagery.command()
@click.argument("name")
def on(name: str) -> None:
    """Show the source in the layer tree."""
    setup()
    from jintu.foundation.layers import imagery as sources

    sources.switch(name, True)


@imagery.command()
@click.argument("name")
def off(name: str) -> None:
    """Take the source out of the layer tree."""
    setup()
    from jintu.foundation.layers import imagery as sources

    sources.switch(name, False)
