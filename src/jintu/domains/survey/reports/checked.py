"""What the quality inspection is given of summary tables and changes (rules Q6101–Q6107, and Q6109 of the plan)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars

    from jintu.foundation.layers.models import LayerVersion

    from .delivered import Difference
    from .equations import Identity

__all__ = ["Changed", "Checked", "changed", "checked", "class_areas", "delivered_tables"]

LAYER = "survey.DLTB"


@dataclass(frozen=True)
class Checked:
    """The equations of the summary tables of a version that do not hold, or what the tables need."""

    wrong: list[Identity]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changed:
    """The equations of the changes since the version before that do not hold, and the doubtful change patches (columns
    of `change.Changes.pieces`)."""

    wrong: list[Identity]
    undeclared: polars.DataFrame
    unapproved: polars.DataFrame


def checked(version: LayerVersion) -> Checked | None:
    """None for another layer than DLTB."""
    from .summary import summary_of

    if version.layer != LAYER:
        return None
    made = summary_of(version)
    base = made.grid("patches")
    if isinstance(base, tuple):
        return Checked([], base)
    return Checked([one for asked in made.equations() for one in asked.wrong()])


def class_areas(version: LayerVersion) -> dict[str, float] | None:
    """Net area of each class, m², summed in whole hundredths; None for another layer than DLTB."""
    import polars as pl

    from .carried import sums

    if version.layer != LAYER:
        return None
    by_class = sums(version).group_by("code").agg(pl.col("net").sum()).drop_nulls()
    return {code: net / 100 for code, net in by_class.iter_rows()}


def changed(version: LayerVersion) -> Changed | None:
    """None for another layer, and for the first version of a division."""
    from jintu.foundation.layers.models import LayerVersion

    from .change import changes_of

    if version.layer != LAYER:
        return None
    before = LayerVersion.objects.published().filter(
        layer=LAYER, division=version.division, valid_from__lt=version.valid_from
    )
    old = before.order_by("-valid_from").first()
    if old is None:
        return None
    made = changes_of(old, version)
    doubts = made.doubts()
    return Changed(list(made.equations().wrong()), doubts["undeclared"], doubts["unapproved"])


def delivered_tables(version: LayerVersion) -> list[Difference] | None:
    """None where no workbook with a summary table came with the version."""
    from jintu.foundation.operations import files

    from .delivered import compare
    from .summary import summary_of

    if version.layer != LAYER:
        return None
    found: list[Difference] = []
    known = False
    for kept in version.quality.get("delivery", {}).get("workbooks", ()):
        differences = compare(summary_of(version), files.path_of(kept["sha256"]))
        if differences is not None:
            known = True
            found += differences
    return found if known else None
