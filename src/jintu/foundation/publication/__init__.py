"""What the public may see: layer versions that an entitled person has opened, and the services that show them.

`opening` holds the switch and the only door (`opening.reachable`); the services (`features`, `tilesets`, `wmts`) know
no other way to a version. They ask no scope: what was not opened does not exist for them.
"""
