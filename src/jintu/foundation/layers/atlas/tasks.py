"""Jobs of the atlas. Imported at start-up: nothing heavy here outside functions."""

from __future__ import annotations

from typing import Any

from jintu.foundation.operations import jobs

__all__ = ["compare_versions"]


@jobs.kind("atlas.difference", title="Compare two versions")
def compare_versions(job: jobs.Running, *, old: int, new: int) -> dict[str, Any]:
    """Compute and keep the difference between two versions."""
    from ..models import LayerVersion
    from . import difference, prepared

    first, second = LayerVersion.objects.get(pk=old), LayerVersion.objects.get(pk=new)
    path = difference.place_of(first, second)
    facts = prepared.kept(path) or prepared.write(path, difference.compute(first, second, job.progress))
    return {"counts": facts["counts"]}
