"""Jobs of the atlas. Imported at start-up: nothing heavy here outside functions."""

from __future__ import annotations

from typing import Any

from jintu.foundation.operations import jobs

__all__ = ["compare_versions", "count_attribute", "paint_theme", "print_sheet"]


@jobs.kind("atlas.difference", title="Compare two versions")
def compare_versions(job: jobs.Running, *, old: int, new: int) -> dict[str, Any]:
    """Compute and keep the difference between two versions."""
    from ..models import LayerVersion
    from . import difference, prepared

    first, second = LayerVersion.objects.get(pk=old), LayerVersion.objects.get(pk=new)
    path = difference.place_of(first, second)
    facts = prepared.kept(path) or prepared.write(path, difference.compute(first, second, job.progress))
    return {"counts": facts["counts"]}


@jobs.kind("atlas.count", title="Count a thematic map")
def count_attribute(
    job: jobs.Running, *, versions: list[int], attribute: str, method: str, k: int, breaks: list[float]
) -> dict[str, Any]:
    """Count and keep the classes of an attribute."""
    from ..models import LayerVersion
    from . import prepared, themes

    pieces = list(LayerVersion.objects.filter(pk__in=versions).order_by("pk"))
    path = themes.count_path(pieces, attribute, method, k, breaks)
    if prepared.kept(path) is None:
        prepared.write(path, themes.count(pieces, attribute, method, k, breaks, job.progress))
    return {"rows": sum(v.rows for v in pieces)}


@jobs.kind("atlas.picture", title="Draw the small scales of a thematic map")
def paint_theme(job: jobs.Running, *, theme: str, versions: list[int]) -> dict[str, Any]:
    """Paint what a thematic map shows at small scales."""
    from ..models import LayerVersion
    from . import pictures, themes

    what = themes.find(theme)
    pieces = list(LayerVersion.objects.filter(pk__in=versions).order_by("pk"))
    for i, version in enumerate(pieces):
        job.progress(i, len(pieces), version.name)
        pictures.make_picture(what, version)
    return {"versions": len(pieces)}


@jobs.kind("atlas.print", title="Print a map sheet")
def print_sheet(job: jobs.Running, *, order: dict[str, Any], user: int) -> dict[str, Any]:
    """Make a sheet of what its person may see, and keep it in the store."""
    import io

    from django.urls import reverse
    from django.utils.translation import override

    from jintu.foundation.identity.models import User
    from jintu.foundation.identity.scope import Scope
    from jintu.foundation.operations import files

    from . import printing

    what = printing.Order.from_json(order)
    person = User.objects.select_related("organisation").get(pk=user)
    with override(what.language):
        data = printing.pdf(what, Scope.of(person), printing.name_of(person))
        stored = files.store(io.BytesIO(data), f"{what.title or 'map'}.pdf")
    printing.record(what, stored.sha256, job.actor)
    return {"file": stored.sha256, "name": stored.name, "url": reverse("layers:printed", args=[job.pk])}
