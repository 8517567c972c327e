"""How a vector tile goes over the wire."""

from __future__ import annotations

import gzip

from django.http import HttpRequest, HttpResponse

__all__ = ["vector_tile"]

YEAR = 365 * 24 * 3600
MVT = "application/vnd.mapbox-vector-tile"


def vector_tile(request: HttpRequest, data: bytes) -> HttpResponse:
    """A gzipped tile, or 204 for an empty one, to be kept for a year: its address names content that never changes."""
    if not data:
        answer = HttpResponse(status=204)
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        answer = HttpResponse(data, content_type=MVT)
        answer["Content-Encoding"] = "gzip"
    else:
        answer = HttpResponse(gzip.decompress(data), content_type=MVT)
    answer["Cache-Control"] = f"private, max-age={YEAR}, immutable"
    answer["Vary"] = "Accept-Encoding, Cookie"
    return answer
