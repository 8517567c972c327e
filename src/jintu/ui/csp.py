"""A strict Content-Security-Policy on every answer: nothing inline, nothing from elsewhere.

Styles and scripts are files of this node. Workers are files too (no blobs). Images may be ``data:`` (Tabler's check
marks) and ``blob:`` (map tiles, charts saved as pictures). The only other hosts are those of an operator's own imagery:
``settings.JINTU_IMAGERY_HOSTS``, a list of origins such as ``https://imagery.example``; off by default.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

__all__ = ["ContentSecurityPolicyMiddleware", "policy"]

HEADER = "Content-Security-Policy"


def policy(imagery: tuple[str, ...] = ()) -> str:
    """The policy as one header line.

    >>> "script-src 'self';" in policy(), "unsafe" in policy()
    (True, False)
    >>> policy(("https://imagery.example",)).count("https://imagery.example")
    2
    """
    for origin in imagery:
        scheme, mark, host = origin.partition("://")
        if scheme not in ("https", "http") or not mark or not host or set(host) & set(" ;,*'\"/"):
            raise ImproperlyConfigured(f"{origin!r} is no origin such as https://imagery.example")
    more = "".join(f" {origin}" for origin in imagery)
    directives = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src 'self' data: blob:{more}",
        "font-src 'self'",
        f"connect-src 'self'{more}",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return "; ".join(directives) + ";"


class ContentSecurityPolicyMiddleware:
    """Puts the policy on every answer that does not carry one of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = policy(tuple(getattr(settings, "JINTU_IMAGERY_HOSTS", ())))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, self.policy)
        return response
