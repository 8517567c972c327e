"""Django settings, all derived from `jintu.config.node`. Nothing secret stands here."""

from __future__ import annotations

import os
import secrets
from datetime import date
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext_lazy as _

from jintu.kernel import codecache

from .domains import DOMAINS, FOUNDATION
from .node import node

NODE = node()
os.environ.setdefault("NUMBA_CACHE_DIR", str(codecache.directory(NODE.data / "cache" / "numba")))

DEBUG = NODE.debug
JINTU_BUSINESS_DATE = date.fromisoformat(NODE.business_date) if NODE.business_date else None
# Without a key of the node nothing that is signed outlives the process; what serves people refuses to start (node.py).
SECRET_KEY = NODE.secret_key or secrets.token_urlsafe(48)
ALLOWED_HOSTS = [h.strip() for h in NODE.hosts.split(",") if h.strip()]

INSTALLED_APPS = [
    # ours first: their templates and translations win over Django's
    *(f"{name}.apps.Config" for name in DOMAINS),
    *(f"{name}.apps.Config" for name in FOUNDATION),
    "jintu.ui.apps.Config",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "jintu.config.apps.Config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "jintu.ui.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "jintu.foundation.identity.middleware.ScopeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "jintu.foundation.operations.errors.ErrorMiddleware",
]

ROOT_URLCONF = "jintu.config.urls"
WSGI_APPLICATION = "jintu.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "jintu.config.context.frame",
            ],
            "builtins": ["jintu.ui.templatetags.jintu", "django.templatetags.i18n", "django.templatetags.static"],
        },
    },
]

if NODE.database:
    _url = urlsplit(NODE.database)
    DATABASES = {
        "default": {
            "ENGINE": "jintu.foundation.registers.db.postgresql",
            "NAME": unquote(_url.path.lstrip("/")),
            "USER": unquote(_url.username or ""),
            "PASSWORD": unquote(_url.password or ""),
            "HOST": _url.hostname or "",
            "PORT": str(_url.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "jintu.foundation.registers.db.geopackage",
            "NAME": str(NODE.embedded_file),
            "CONN_MAX_AGE": 60,
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
            "TEST": {"NAME": str(NODE.data / "test.gpkg")},
        }
    }

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "identity.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "jintu.foundation.identity.passwords.NotLikeTheAccount"},
    {"NAME": "jintu.foundation.identity.passwords.LongEnough", "OPTIONS": {"min_length": 10}},
    {"NAME": "jintu.foundation.identity.passwords.NotCommon"},
    {"NAME": "jintu.foundation.identity.passwords.NotOnlyDigits"},
    {"NAME": "jintu.foundation.identity.passwords.MixedCharacters"},
    {"NAME": "jintu.foundation.identity.passwords.NotRecentlyUsed"},
]
JINTU_HASH = NODE.hash
JINTU_IMAGERY_HOSTS = [h.strip() for h in NODE.imagery_hosts.split(",") if h.strip()]
JINTU_FILE_LIMIT = NODE.file_limit_mb << 20
JINTU_RESIDENT_BYTES = NODE.resident_mb << 20
JINTU_TILE_BYTES = NODE.tile_memory_mb << 20
JINTU_TILE_CACHE_BYTES = NODE.tile_cache_mb << 20
JINTU_PREBUILD_TILES = NODE.prebuild_tiles
JINTU_TILES_MAX_ZOOM = NODE.tiles_max_zoom
JINTU_LINK_DAYS = NODE.link_days
JINTU_DRAFT_DAYS = NODE.draft_days or None
JINTU_RETENTION_AT = NODE.retention_at
JINTU_PRINT_AT_ONCE = NODE.print_at_once
JINTU_PRINT_FEATURES = NODE.print_features
JINTU_OPEN_REQUESTS_PER_MINUTE = NODE.open_requests_per_minute
JINTU_OPEN_PAGE_FEATURES = NODE.open_page_features
JINTU_OPEN_VERSIONS = NODE.open_versions
JINTU_LOGIN = {
    # GB/T 22239-2008 §7.1: five failures, ten minutes or more; time-out 15 to 30 minutes
    "failures": 5,
    "failures_per_address": 50,
    "window_minutes": 15,
    "lock_minutes": 15,
    "idle_minutes": 30,
    "password_days": 90,
}
LOGIN_URL = "identity:login"
LOGIN_REDIRECT_URL = "home"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = NODE.https
SECURE_HSTS_SECONDS = 31536000 if NODE.https else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if NODE.https else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [str(__import__("pathlib").Path(__file__).resolve().parent.parent / "locale")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
STATIC_ROOT = str(NODE.data / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(NODE.files)}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
FILE_UPLOAD_TEMP_DIR = None

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "jintu.foundation.operations.errors.api_exception",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Jintu",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
}

Q_CLUSTER = {
    "name": "jintu",
    "orm": "default",
    "workers": 1,
    "timeout": 3600 * 6,
    "retry": 3600 * 6 + 60,
    "max_attempts": 3,
    "poll": 0.5,
    "catch_up": False,
    "save_limit": 200,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO" if DEBUG else "WARNING"},
}
