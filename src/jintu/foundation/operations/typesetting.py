"""Documents set by Typst: a template of the repository, filled with data, as PDF.

A template reads its data with ``json(bytes(sys.inputs.data))`` and names CJK fonts with fallbacks: the fonts are the
system's (Debian: fonts-noto-cjk). Nothing is fetched from anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_noop as _noop

from jintu.kernel.errors import Refused

__all__ = ["FONTS", "pdf"]

FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "WenQuanYi Micro Hei", "Libertinus Serif")
"""First the usual ones of Linux distributions; the last comes with Typst and has no Chinese."""


def pdf(template: Path, data: Mapping[str, Any], *, when: datetime) -> bytes:
    """The template filled with data; the same template, data, fonts and ``when`` give the same bytes.

    Raises `Refused` where the document cannot be set.
    """
    import typst

    filled = json.dumps({**data, "fonts": FONTS}, ensure_ascii=False, default=str)
    try:
        made = typst.compile(str(template), format="pdf", sys_inputs={"data": filled}, timestamp=int(when.timestamp()))
    except typst.TypstError as error:
        raise Refused(
            _noop("The document could not be set: {reason}"),
            remedy=_noop("Tell the administrator of the node."),
            reason=str(error).splitlines()[0],
        ) from error
    assert isinstance(made, bytes)
    return made
