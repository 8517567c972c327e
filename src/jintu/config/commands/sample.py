"""``jintu sample``: write the sample county to files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from jintu.config.commands import echo_json, progress_line

__all__ = ["sample"]

LAYERS = ("XZQ", "DLTB", "JBNTTB", "TDYTQ", "JSYDGZQ", "PDT", "JBNTBHPK", "JBNTBHQ", "BEYOND")
"""BEYOND: the neighbouring county's patches along the border. The last four are only written when named."""


@click.command()
@click.option("--patches", default=18_000, show_default=True, type=click.IntRange(2_000, 20_000_000))
@click.option("--seed", default=1, show_default=True, type=int)
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Directory to write to.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default="2026-06-15", show_default=True)
@click.option("--filings", type=click.IntRange(0), help="Rows of all registers together; a fifth of the patches.")
@click.option("--only", multiple=True, type=click.Choice(LAYERS), help="Only these layers, no registers (benchmarks).")
@click.option("--json", "as_json", is_flag=True)
def sample(
    patches: int,
    seed: int,
    out: Path,
    as_of: datetime,
    filings: int | None,
    only: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write a believable county with planted violations: layers, registers, and the truth about them.

    The same patches, seed and date give the same files. A directory that holds anything but an earlier sample is
    refused.
    """
    from jintu.sample.generate import generate

    with progress_line() as progress:
        manifest = generate(patches, seed, out, as_of=as_of.date(), filings=filings, only=only, progress=progress)
    if as_json:
        echo_json(manifest)
        return
    for layer in manifest["layers"]:
        click.echo(f"{layer['schema']:<20}{layer['valid_on']}  {layer['rows']:>9,}  {layer['file']}")
    for name, facts in manifest["registers"].items():
        click.echo(f"{name:<32}{facts['rows']:>9,}  {facts['file']}")
    click.echo(str(out / "sample.json"))
