"""The REST API of the registers: serializers and views made from the descriptors, described in OpenAPI.

List (keyset pages, capped count, the filters of the pages), one record, file, edit, correct, withdraw, outline. An edit
names the ``row_version`` it was made on; another one answers 409 with the row as it is now. Personal columns are masked
for people who only look.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from django.db import models
from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, inline_serializer
from rest_framework import permissions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jintu.foundation.identity import actor_of
from jintu.kernel.errors import InputError, Missing, Place

from . import descriptor, filters, listing, rendering, values
from .actions import correct, create, edit, give_geometry, withdraw
from .actions.common import RowConflict
from .descriptor import Register
from .geometry_input import from_text

__all__ = ["Catalogue", "serializer_of", "views_of"]


class HasVerb(permissions.BasePermission):
    """Signed in, and with the verb that the HTTP method means; the row itself is checked by scope and action."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = _scope(request)
        return bool(request.user and request.user.is_authenticated and scope.can(view.verb_of(request.method)))


def _scope(request: Request) -> Any:
    django_request: HttpRequest = request._request
    return django_request.scope  # type: ignore[attr-defined]


@extend_schema_field(OpenApiTypes.OBJECT)
class GeoJSONField(serializers.Field):
    """A Shapely geometry as a GeoJSON geometry, lon/lat on CGCS2000."""

    def to_representation(self, value: Any) -> Any:
        import shapely

        return json.loads(shapely.to_geojson(value))

    def to_internal_value(self, data: Any) -> Any:
        try:
            return from_text(json.dumps(data)).geometry
        except InputError as error:
            raise serializers.ValidationError(str(error)) from error


class RowSerializer(serializers.Serializer[Any]):
    """Base of the generated serializers."""

    register: Register

    def to_representation(self, instance: Any) -> Any:
        data = super().to_representation(instance)
        if not self.context.get("persons"):
            for name in self.register.personal:
                if data.get(name):
                    data[name] = values.MASK
        return data


@cache
def serializer_of(register: Register) -> type[RowSerializer]:
    """The serializer of a register: platform columns, its own, and the outline."""
    fields: dict[str, Any] = {
        "uid": serializers.UUIDField(read_only=True),
        "division": serializers.CharField(max_length=12),
        "data_level": serializers.IntegerField(min_value=0, max_value=2, default=1),
        "status": serializers.CharField(read_only=True),
        "status_reason": serializers.CharField(read_only=True),
        "row_version": serializers.IntegerField(read_only=True),
        "updated_at": serializers.DateTimeField(read_only=True),
    }
    for name, (f, column) in register.attributes.items():
        if not column.hidden:
            fields[name] = _field(register, name, f, column)
    if register.geometry:
        fields[register.geometry] = GeoJSONField(required=False, allow_null=True)
    words = "".join(part.capitalize() for part in register.name.replace(".", "_").split("_"))
    return type(f"{words}Row", (RowSerializer,), {**fields, "register": register, "__doc__": str(register.label)})


def _field(register: Register, name: str, f: models.Field, column: Any) -> serializers.Field[Any, Any, Any, Any]:
    help_text = values.header(f, column)
    if column.unit:
        help_text += f" [{column.unit}]"
    common: dict[str, Any] = {"help_text": help_text}
    if not (column.required and name != register.key):
        common["required"] = False
    choices = values.choices_of(f)
    if choices and len(choices) <= 60:
        return serializers.ChoiceField(choices=list(choices.items()), allow_blank=not column.required, **common)
    if isinstance(f, models.BooleanField):
        return serializers.BooleanField(allow_null=f.null, **common)
    if isinstance(f, models.DecimalField):
        return serializers.DecimalField(
            max_digits=f.max_digits, decimal_places=f.decimal_places, allow_null=f.null, **common
        )
    if isinstance(f, models.DateField):
        return serializers.DateField(allow_null=f.null, **common)
    if isinstance(f, models.IntegerField):
        return serializers.IntegerField(allow_null=f.null, **common)
    if isinstance(f, models.FloatField):
        return serializers.FloatField(allow_null=f.null, **common)
    return serializers.CharField(max_length=f.max_length, allow_blank=not column.required, **common)


class RegisterView(APIView):
    """Base of the generated views."""

    register: Register
    permission_classes = [HasVerb]
    verbs: dict[str, str] = {"GET": "view", "HEAD": "view", "OPTIONS": "view"}

    def verb_of(self, method: str | None) -> str:
        return self.verbs.get(method or "GET", "view")

    def out(self, request: Request, rows: Any, many: bool = False) -> Any:
        persons = rendering.may_see_persons(_scope(request))
        kind = serializer_of(self.register)
        return kind(rows, many=many, context={"persons": persons}).data

    def given(self, request: Request, *, partial: bool) -> dict[str, Any]:
        """The body's columns, typed; unknown names are refused."""
        known = set(serializer_of(self.register)().fields) | {"row_version", "reason"}
        extra = sorted(set(request.data) - known)
        if extra:
            raise InputError("There is no column {name}.", place=Place(field=extra[0]), name=extra[0])
        form = serializer_of(self.register)(data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        if partial:
            data = {k: v for k, v in data.items() if k in request.data}
        return data

    def version(self, request: Request) -> int:
        """``row_version`` of the body: the version the caller has seen."""
        value = request.data.get("row_version")
        if not isinstance(value, int) or isinstance(value, bool):
            raise InputError(
                "The change does not say which version of the record it was made on.",
                place=Place(field="row_version"),
                remedy="Send the row_version you read.",
            )
        return value

    def find(self, request: Request, uid: Any) -> Any:
        row = listing.base_rows(self.register, _scope(request)).filter(uid=uid).first()
        if row is None:
            raise Missing(
                "There is no such record in {register}, or it is outside your scope.", register=self.register.name
            )
        return row

    def conflict(self, request: Request, error: RowConflict) -> Response:
        """409 with the row as it is now."""
        from jintu.foundation.operations.errors import as_json, tell

        body = {**as_json(tell(error)), "current": self.out(request, error.theirs)}
        return Response(body, status=status.HTTP_409_CONFLICT)


def _parameters(register: Register) -> list[OpenApiParameter]:
    """Query parameters of the list, from the columns."""
    found = [
        OpenApiParameter("q", str, description="full text"),
        OpenApiParameter("division", str, description="division code; everything inside it"),
        OpenApiParameter("status", str, enum=["draft", "valid", "withdrawn"]),
        OpenApiParameter("sort", str, description="column; - before it for descending"),
        OpenApiParameter("after", str, description="cursor of the next page"),
        OpenApiParameter("before", str, description="cursor of the page before"),
        OpenApiParameter("size", int, description=f"rows of a page, at most {listing.MOST}"),
    ]
    if register.geometry:
        found.append(OpenApiParameter("bbox", str, description="minx,miny,maxx,maxy in degrees"))
    for name, (f, column) in register.attributes.items():
        if column.hidden:
            continue
        for op in filters.operators(f):
            found.append(OpenApiParameter(f"{name}__{op}" if op else name, str))
    return found


def views_of(register: Register) -> dict[str, type[RegisterView]]:
    """The views of a register by name of the address: list, row, correct, withdraw, outline."""
    kind = serializer_of(register)
    tag = [register.name]
    ident = register.name.replace(".", "_")
    words = "".join(part.capitalize() for part in ident.split("_"))
    page_kind = inline_serializer(
        f"{words}Page",
        {
            "count": serializers.IntegerField(help_text=f"exact up to {listing.CAP}"),
            "count_is_capped": serializers.BooleanField(),
            "next": serializers.CharField(allow_null=True),
            "previous": serializers.CharField(allow_null=True),
            "results": kind(many=True),
        },
    )
    reason_kind = inline_serializer(
        f"{words}Reason", {"reason": serializers.CharField(), "row_version": serializers.IntegerField()}
    )

    class Rows(RegisterView):
        verbs = {"GET": "view", "POST": "create"}

        @extend_schema(
            operation_id=f"{ident}_list",
            tags=tag,
            parameters=_parameters(register),
            responses={200: page_kind},
            summary=str(register.label),
        )
        def get(self, request: Request) -> Response:
            scope = _scope(request)
            query = request.query_params
            looked = listing.look(register, scope, query, strict=True)
            page, counted = looked.page, looked.count
            return Response(
                {
                    "count": counted.n,
                    "count_is_capped": counted.capped,
                    "next": _address(request, "after", page.after),
                    "previous": _address(request, "before", page.before),
                    "results": self.out(request, page.rows, many=True),
                }
            )

        @extend_schema(operation_id=f"{ident}_create", tags=tag, request=kind, responses={201: kind})
        def post(self, request: Request) -> Response:
            data = self.given(request, partial=False)
            geometry = data.pop(register.geometry, None) if register.geometry else None
            row = create.perform(
                register, data, scope=_scope(request), actor=actor_of(request._request), geometry=geometry
            )
            return Response(self.out(request, row), status=status.HTTP_201_CREATED)

    class Row(RegisterView):
        verbs = {"GET": "view", "PATCH": "edit"}

        @extend_schema(operation_id=f"{ident}_read", tags=tag, responses={200: kind})
        def get(self, request: Request, uid: Any) -> Response:
            return Response(self.out(request, self.find(request, uid)))

        @extend_schema(
            operation_id=f"{ident}_edit",
            tags=tag,
            request=kind(partial=True),
            responses={200: kind, 409: OpenApiTypes.OBJECT},
        )
        def patch(self, request: Request, uid: Any) -> Response:
            data = self.given(request, partial=True)
            data.pop(register.geometry, None)
            try:
                row = edit.perform(
                    register,
                    uid,
                    data,
                    row_version=self.version(request),
                    scope=_scope(request),
                    actor=actor_of(request._request),
                )
            except RowConflict as error:
                return self.conflict(request, error)
            return Response(self.out(request, row))

    class Correct(RegisterView):
        verbs = {"POST": "withdraw"}

        @extend_schema(operation_id=f"{ident}_correct", tags=tag, request=kind(partial=True), responses={200: kind})
        def post(self, request: Request, uid: Any) -> Response:
            data = self.given(request, partial=True)
            data.pop(register.geometry, None)
            try:
                row = correct.perform(
                    register,
                    uid,
                    data,
                    reason=str(request.data.get("reason") or ""),
                    row_version=self.version(request),
                    scope=_scope(request),
                    actor=actor_of(request._request),
                )
            except RowConflict as error:
                return self.conflict(request, error)
            return Response(self.out(request, row))

    class Withdraw(RegisterView):
        verbs = {"POST": "withdraw"}

        @extend_schema(operation_id=f"{ident}_withdraw", tags=tag, request=reason_kind, responses={200: kind})
        def post(self, request: Request, uid: Any) -> Response:
            try:
                row = withdraw.perform(
                    register,
                    uid,
                    reason=str(request.data.get("reason") or ""),
                    row_version=self.version(request),
                    scope=_scope(request),
                    actor=actor_of(request._request),
                )
            except RowConflict as error:
                return self.conflict(request, error)
            return Response(self.out(request, row))

    class Outline(RegisterView):
        verbs = {"POST": "edit"}

        @extend_schema(
            operation_id=f"{ident}_outline",
            tags=tag,
            responses={200: kind},
            request=inline_serializer(
                f"{words}Outline",
                {
                    "geometry": GeoJSONField(),
                    "crs": serializers.CharField(required=False),
                    "row_version": serializers.IntegerField(),
                },
            ),
        )
        def post(self, request: Request, uid: Any) -> Response:
            if not request.data.get("geometry"):
                raise InputError("There are no coordinates.", place=Place(field="geometry"))
            delivered = from_text(json.dumps(request.data["geometry"]), str(request.data.get("crs") or ""))
            try:
                row = give_geometry.perform(
                    register,
                    uid,
                    delivered,
                    row_version=self.version(request),
                    scope=_scope(request),
                    actor=actor_of(request._request),
                )
            except RowConflict as error:
                return self.conflict(request, error)
            return Response(self.out(request, row))

    made: dict[str, type[RegisterView]] = {"list": Rows, "row": Row, "correct": Correct, "withdraw": Withdraw}
    if register.geometry:
        made["outline"] = Outline
    for part, view in made.items():
        view.register = register
        view.__name__ = f"{words}{part.capitalize()}"
    return made


def _address(request: Request, key: str, cursor: str) -> str | None:
    if not cursor:
        return None
    query = request._request.GET.copy()
    query.pop("after", None)
    query.pop("before", None)
    query[key] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


class Catalogue(APIView):
    """The registers there are and their columns."""

    permission_classes = [HasVerb]

    def verb_of(self, method: str | None) -> str:
        return "view"

    @extend_schema(operation_id="registers", tags=["registers"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        return Response([_about(r, request) for r in descriptor.catalogue()])


def _about(register: Register, request: Request) -> dict[str, Any]:
    return {
        "name": register.name,
        "label": str(register.label),
        "key": register.key,
        "geometry": bool(register.geometry),
        "url": request.build_absolute_uri(f"/api/registers/{register.name}/"),
        "columns": [
            {
                "name": name,
                "label": values.header(f, column),
                "code": column.code,
                "unit": column.unit,
                "type": f.get_internal_type(),
                "required": column.required,
                "personal": column.personal,
                "codes": values.choices_of(f) if len(values.choices_of(f)) <= 60 else column.codelist,
            }
            for name, (f, column) in register.attributes.items()
            if not column.hidden
        ],
    }
