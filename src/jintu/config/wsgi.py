"""What the server of pages loads."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jintu.config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.conf import settings  # noqa: E402
from django.urls import get_resolver  # noqa: E402

settings.NODE.require_secret_key()

get_resolver().url_patterns  # noqa: B018  loads all views, which the first reader would wait for
gc.collect()
gc.freeze()  # what start-up made lives as long as the process: no collection looks at it again
