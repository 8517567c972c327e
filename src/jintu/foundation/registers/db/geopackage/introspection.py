"""Reading back the GeoPackage column types that SQLite itself does not use."""

from django.db.backends.sqlite3 import introspection

__all__ = ["DatabaseIntrospection"]


class _Types(introspection.FlexibleFieldLookupDict):
    base_data_types_reverse = {
        **introspection.FlexibleFieldLookupDict.base_data_types_reverse,
        "double": "FloatField",
        "mediumint": "IntegerField",
        "geometry": "jintu.foundation.registers.db.GeometryField",
    }


class DatabaseIntrospection(introspection.DatabaseIntrospection):
    data_types_reverse = _Types()
