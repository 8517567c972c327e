"""Django backend whose database file is an OGC GeoPackage. Set as ``ENGINE`` of an embedded node."""
