"""Reports of the land-use survey: the summary tables of the Second Survey and the annual change.

- `classes`     the two-level classes of the rural survey, and how the full list of GB/T 21010 falls into them
- `cube`        areas of a land-use version by village, class, ownership, slope: one pass over its columns
- `tables`      the tables as data: columns and what each one sums
- `summary`     the tables of a division, rounded so that every total keeps
- `equations`   what must hold between figures (`summary_checks`, `change_checks`)
- `change`      what became of each class between two versions, as a matrix that balances
- `workbook`    tables and changes as spreadsheets in the official layout (`change_workbook`)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from jintu.foundation.layers.reports import Report

if TYPE_CHECKING:
    from jintu.foundation.layers.models import LayerVersion

__all__ = ["REPORTS"]


def _tables(versions: list[LayerVersion]) -> Any:
    from .summary import of

    return of(versions)


def _changes(versions: list[LayerVersion]) -> Any:
    from .change import changes_of

    return changes_of(*versions)


REPORTS = (
    Report("survey.DLTB", "tables", _("Summary tables"), "table", "survey:tables", _tables),
    Report("survey.DLTB", "changes", _("Annual change"), "arrows-exchange", "survey:changes", _changes),
)
