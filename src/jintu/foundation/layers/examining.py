"""The doctor's look at the lake: every published version is there, and is what was published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from jintu.foundation.operations.doctor import Context, Finding

__all__ = ["examine"]

SAMPLE = 3
"""Versions whose content is hashed again unless the examination is full; of the others the manifest is read."""


def examine(context: Context) -> Iterator[Finding]:
    """Manifests of all versions in force; content of the newest few, or of all when ``full``."""
    from jintu.foundation.operations.doctor import Finding
    from jintu.kernel import hashing
    from jintu.kernel.errors import Missing

    from . import lake, versions
    from .models import LayerVersion

    published = list(LayerVersion.objects.published().order_by("-valid_from", "-pk"))
    broken = 0
    for number, version in enumerate(published):
        context.progress(number, len(published), f"{version.layer} {version.name}")
        if context.full or number < SAMPLE:
            faults = versions.verify(version)
        else:
            try:
                lake.manifest(version.directory)
                algorithm = version.manifest_hash.partition(":")[0]
                found = hashing.of_file(version.directory / lake.MANIFEST, algorithm)
                faults = [] if found == version.manifest_hash else [_("the manifest was changed")]
            except (Missing, OSError) as error:
                faults = [str(error)]
        for fault in faults:
            broken += 1
            yield Finding(
                "lake",
                "error",
                f"{version.layer} {version.division} {version.name}: {fault}",
                _("restore this version from a backup"),
                facts={"layer": version.layer, "version": version.pk},
            )
    if not broken:
        thoroughly = len(published) if context.full else min(SAMPLE, len(published))
        said = _("{count} layer versions are whole, {again} read again")
        yield Finding("lake", "ok", said.format(count=len(published), again=thoroughly))
