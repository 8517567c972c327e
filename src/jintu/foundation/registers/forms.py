"""Forms of a register, derived from its columns: sections by group, unit inside the field, errors under the fields.

A number is typed in its display unit (ha, 10,000 yuan) and kept in the stored one; what is shown is exact, so saving an
untouched form changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jintu.foundation.identity.scope import Scope
from jintu.kernel.errors import InputError

from . import divisions, units, values
from .actions.edit import fixed
from .columns import Column
from .descriptor import Register
from .geometry_input import Delivered, from_text, from_upload

__all__ = ["BoundSection", "GeometryForm", "ReasonForm", "RowForm", "form_for", "initial_of", "locked_for_edit"]

ROWS_OF_TEXT = 3


class UnitField(forms.DecimalField):
    """A decimal typed in ``shown`` and cleaned to ``stored``; accepts a unit behind the number (15 亩)."""

    def __init__(self, *, stored: str, shown: str, places: int, **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), **kwargs)
        self.stored, self.shown, self.places = stored, shown, places

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            text = format(units.convert(value, self.stored, self.shown), "f")
            return text.rstrip("0").rstrip(".") if "." in text else text
        return value

    def to_python(self, value: Any) -> Decimal | None:
        if value in self.empty_values:
            return None
        from jintu.kernel import units as kernel

        try:
            if self.stored == "m2":
                exact = kernel.area(str(value), self.shown, signed=True)
            elif self.stored == "yuan":
                exact = kernel.money(str(value), self.shown, signed=True)
            else:
                exact = kernel.number(str(value))
        except InputError as error:
            from jintu.foundation.operations.errors import joined, tell

            told = tell(error)
            raise ValidationError(joined(told.sentence, told.remedy)) from error
        return None if exact is None else kernel.round_to(exact, Decimal(1).scaleb(-self.places))

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(data) != initial
        except ValidationError:
            return True


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


@dataclass
class BoundSection:
    """A group of form fields with the unit of each."""

    title: str
    fields: list[tuple[Any, str, bool]] = field(default_factory=list)
    """(bound field, unit, wide)"""


class RowForm(forms.Form):
    """Base of the generated forms; ``register`` and ``scope`` are set by `form_for`."""

    register: Register
    scope: Scope

    def sections(self) -> list[BoundSection]:
        """The fields by column group, in the order of the register."""
        made = []
        head = BoundSection(_("Where"))
        for name in ("division", "data_level"):
            if name in self.fields:
                head.fields.append((self[name], "", False))
        for group, names in self.register.groups.items():
            section = BoundSection(str(_(group)) if group else _("Record"))
            for name in names:
                if name not in self.fields:
                    continue
                f, column = self.register.attributes[name]
                unit = values.unit_label(column) if values.is_number(f) else ""
                wide = isinstance(self.fields[name].widget, forms.Textarea) or name == self.register.title
                section.fields.append((self[name], unit, wide))
            if section.fields:
                made.append(section)
        if head.fields:
            made.insert(0, head)
        return made

    def division_choices(self) -> list[tuple[str, str]]:
        return division_choices(self.scope)

    def clean_division(self) -> str:
        code = str(self.cleaned_data["division"]).strip()
        if not code.isdigit() or len(code) not in (6, 9, 12):
            raise ValidationError(_("A code has 6 digits for a county, 9 for a township, 12 for a village."))
        if not self.scope.covers(code):
            raise ValidationError(_("Division {code} is outside your scope.").format(code=divisions.name(code)))
        return code

    def data_for_row(self) -> dict[str, Any]:
        """Cleaned values by field name, with empty texts as the model wants them."""
        made = {}
        for name, value in self.cleaned_data.items():
            if name in self.register.attributes:
                f = self.register.attributes[name][0]
                made[name] = "" if value is None and not f.null and not values.is_number(f) else value
            elif name in ("division", "data_level"):
                made[name] = value
        return made

    def take(self, error: InputError) -> None:
        """Show an action's error under the field it is about, and all others it carries."""
        from jintu.foundation.operations.errors import joined, tell

        problems = getattr(error, "problems", None)
        if problems:
            for p in problems:
                text = joined(p.text(), p.what_to_do())
                self.add_error(p.field if p.field in self.fields else None, text)
            return
        told = tell(error)
        text = joined(told.sentence, told.remedy)
        self.add_error(error.place.field if error.place.field in self.fields else None, text)


def form_for(register: Register, scope: Scope, *, locked: Iterable[str] = ()) -> type[RowForm]:
    """The form class of a register; ``locked`` columns are shown but cannot be changed."""
    fields: dict[str, Any] = {}
    closed = set(locked)
    fields["division"] = _division_field(scope)
    if scope.data_level > 0:
        fields["data_level"] = forms.TypedChoiceField(
            label=gettext_lazy("Data level"),
            coerce=int,
            initial=1,
            required=False,
            empty_value=1,
            choices=[(i, label) for i, label in LEVELS if i <= scope.data_level],
        )
    for name, (f, column) in register.attributes.items():
        if not column.hidden:
            fields[name] = _field(register, name, f, column)
    for name in closed & set(fields):
        fields[name].disabled = True
        fields[name].required = False
    for name, made in fields.items():
        _dress(made, name)
    return type("RegisterForm", (RowForm,), {**fields, "register": register, "scope": scope})


LEVELS = ((0, gettext_lazy("public")), (1, gettext_lazy("internal")), (2, gettext_lazy("restricted")))


def _division_field(scope: Scope) -> forms.Field:
    """A code to type, with the person's county and its townships to choose from: a list of the node is never complete,
    and a record of a village it does not know must still be saved."""
    made = forms.CharField(
        label=gettext_lazy("Division"),
        max_length=12,
        help_text=gettext_lazy("Code of the county, township or village."),
        widget=forms.TextInput(attrs={"list": "divisions", "inputmode": "numeric", "autocomplete": "off"}),
    )
    if len(scope.divisions) == 1 and len(scope.divisions[0]) >= 6:
        made.initial = scope.divisions[0]
    return made


def division_choices(scope: Scope) -> list[tuple[str, str]]:
    """Divisions offered beside the field, as (code, name)."""
    found: list[tuple[str, str]] = []
    for prefix in scope.divisions:
        if len(prefix) >= 6:
            found += [(prefix, divisions.name(prefix)), *divisions.within(prefix)]
    return found


def _field(register: Register, name: str, f: models.Field, column: Column) -> forms.Field:
    label = values.header(f, column)
    numbered = name == register.key and bool(register.numbering or register.identity)
    required = (column.required or name == register.key) and not numbered
    hint = _("Allotted when the record is filed, if left empty.") if numbered else str(f.help_text or "")
    common: dict[str, Any] = {"label": label, "required": required, "help_text": hint}
    choices = values.choices_of(f)
    if choices:
        blank = [] if required and f.has_default() else [("", "—")]
        shown = [(c, f"{c} {t}" if column.codelist else t) for c, t in choices.items()]
        return forms.ChoiceField(choices=[*blank, *shown], **common)
    if isinstance(f, models.BooleanField):
        if f.null:
            return forms.NullBooleanField(label=label, required=False)
        return forms.BooleanField(label=label, required=False, help_text=hint)
    if isinstance(f, models.DecimalField):
        shown_unit = values.unit_of(column)
        convertible = column.unit in units.UNITS and shown_unit in units.UNITS
        return (
            UnitField(
                stored=column.unit if convertible else "",
                shown=shown_unit if convertible else "",
                places=f.decimal_places,
                **common,
            )
            if convertible
            else forms.DecimalField(
                max_digits=f.max_digits,
                decimal_places=f.decimal_places,
                widget=forms.TextInput(attrs={"inputmode": "decimal"}),
                **common,
            )
        )
    if isinstance(f, models.IntegerField):
        return forms.IntegerField(
            min_value=0 if column.positive else None, widget=forms.TextInput(attrs={"inputmode": "numeric"}), **common
        )
    if isinstance(f, models.FloatField):
        return forms.FloatField(widget=forms.TextInput(attrs={"inputmode": "decimal"}), **common)
    if isinstance(f, models.DateField):
        return forms.DateField(widget=DayInput(), **common)
    long = f.max_length is None or f.max_length > 300
    widget = forms.Textarea(attrs={"rows": ROWS_OF_TEXT}) if long else forms.TextInput()
    return forms.CharField(max_length=f.max_length, widget=widget, strip=True, **common)


def _dress(made: forms.Field, name: str) -> None:
    """CSS classes of the look, and the hint's id for screen readers."""
    widget = made.widget
    if isinstance(widget, forms.CheckboxInput):
        widget.attrs["class"] = "form-check-input"
    elif isinstance(widget, forms.Select):
        widget.attrs["class"] = "form-select"
    else:
        widget.attrs["class"] = "form-control"


class ReasonForm(forms.Form):
    """Why something is withdrawn or corrected."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        min_length=2,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control"}),
    )


class GeometryForm(forms.Form):
    """An outline: a file, or pasted coordinates."""

    file = forms.FileField(
        label=gettext_lazy("Coordinate file"),
        required=False,
        help_text=gettext_lazy("Boundary-point TXT, zipped shapefile, GeoPackage or GeoJSON."),
        widget=forms.FileInput(attrs={"class": "form-control", "accept": ".txt,.zip,.gpkg,.geojson,.json,.wkt"}),
    )
    text = forms.CharField(
        label=gettext_lazy("Or paste"),
        required=False,
        strip=True,
        help_text=gettext_lazy("WKT, GeoJSON, or one point “x, y” per line; an empty line starts another ring."),
        widget=forms.Textarea(attrs={"rows": 5, "class": "form-control mono"}),
    )
    crs = forms.CharField(
        label=gettext_lazy("Coordinate reference system"),
        required=False,
        max_length=30,
        help_text=gettext_lazy("For example EPSG:4526; empty: as the file says, or degrees on CGCS2000."),
        widget=forms.TextInput(attrs={"class": "form-control", "placeholder": "EPSG:4490", "list": "systems"}),
    )

    @staticmethod
    def systems() -> list[tuple[str, str]]:
        """Reference systems offered beside the field: degrees, and the 3-degree zones of the country."""
        found = [("EPSG:4490", _("CGCS2000, degrees"))]
        for zone in range(25, 46):
            name = _("CGCS2000, 3-degree zone {zone}, central meridian {degrees}°")
            found.append((f"EPSG:{4488 + zone}", name.format(zone=zone, degrees=3 * zone)))
        return found

    def given(self) -> bool:
        """Did the person give anything?"""
        return bool(self.files.get("file") or str(self.data.get("text", "")).strip())

    def delivered(self) -> Delivered:
        """The outline. Raises `InputError` from the reader."""
        crs = self.cleaned_data.get("crs", "").strip()
        upload = self.cleaned_data.get("file")
        if upload:
            return from_upload(upload.file, upload.name, crs)
        return from_text(self.cleaned_data.get("text", ""), crs)


def initial_of(register: Register, row: Any) -> dict[str, Any]:
    """A row's values as the form's initial ones."""
    names = [n for n, (_f, c) in register.attributes.items() if not c.hidden]
    return {**{n: getattr(row, n) for n in names}, "division": row.division, "data_level": row.data_level}


def locked_for_edit(register: Register) -> frozenset[str]:
    """Columns the edit form shows closed."""
    return fixed(register)
