"""Test environment: one private data directory and database per process, on either database.

- By default everything runs on the embedded GeoPackage.
- ``JINTU_TEST_DATABASE=postgres`` with ``JINTU_TEST_PG=postgres://user:password@host:port/`` (a role that may create
  databases and the PostGIS extension) runs the same tests on PostgreSQL.
- Tests marked ``postgres``, ``browser`` or ``shared`` are skipped, with the reason, where their means are missing.
  ``JINTU_REQUIRE=postgres,browser,fonts`` turns such skips into failures.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import hypothesis
import pytest

from jintu.kernel import codecache

# no test is timed: the first example of a property may have to compile a kernel
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
ON_POSTGRES = os.environ.get("JINTU_TEST_DATABASE", "") == "postgres"


def _environment() -> Path:
    """Point the settings at a private node before Django reads them."""
    data = Path(tempfile.mkdtemp(prefix=f"jintu-test-{WORKER}-"))
    (data / "static").mkdir()
    for name in [n for n in os.environ if n.startswith("JINTU_") and not n.startswith(("JINTU_TEST", "JINTU_REQUIRE"))]:
        del os.environ[name]
    os.environ |= {
        "JINTU_DATA": str(data),
        "JINTU_SECRET_KEY": "tests-only",
        "JINTU_BUSINESS_DATE": "2026-06-15",
        # compiled kernels are worth keeping between runs
        "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR")
        or str(codecache.directory(ROOT / "var" / "cache" / "numba")),
    }
    if ON_POSTGRES:
        server = os.environ.get("JINTU_TEST_PG", "")
        if not server:
            raise pytest.UsageError("JINTU_TEST_DATABASE=postgres needs JINTU_TEST_PG=postgres://user:password@host/")
        os.environ["JINTU_DATABASE"] = urlunsplit(urlsplit(server)._replace(path=f"/jintu_{os.getpid()}"))
    return data


DATA = _environment()
# Set here and not in pyproject.toml: pytest-django would read the settings before this file is imported.
os.environ["DJANGO_SETTINGS_MODULE"] = "jintu.config.settings"


def pytest_configure(config: pytest.Config) -> None:
    import django
    from django.conf import settings

    # pages render without collectstatic: names of files are not hashed
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    django.setup()
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        # Worker processes inherit the environment: with this in it, pytest-django would read the settings there
        # before this file has given the worker a node of its own.
        del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(DATA, ignore_errors=True)


# -- what is there to test with


@cache
def lacking(need: str) -> str:
    """Why tests that need something cannot run here; empty when they can."""
    if need == "postgres":
        if not os.environ.get("JINTU_TEST_PG"):
            return "no PostgreSQL: set JINTU_TEST_PG=postgres://user:password@host:port/"
        try:
            import psycopg

            with psycopg.connect(os.environ["JINTU_TEST_PG"], dbname="postgres", connect_timeout=5) as connection:
                found = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone()
        except (ImportError, OSError) as error:
            return f"no PostgreSQL: {error}"
        except psycopg.Error as error:
            return f"no PostgreSQL: {error}"
        return "" if found else "PostgreSQL has no PostGIS"
    if need == "browser":
        if not chromium():
            return "no Chromium: install chromium, or set CHROMIUM to its path"
        return ""
    if need == "fonts":
        try:
            listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=False).stdout
        except OSError:
            return "no fontconfig"
        return "" if listed.strip() else "no font with Chinese characters"
    if need == "shared":
        return "" if (ROOT.parent / "shared" / "data").is_dir() else "no ../shared/data"
    raise ValueError(need)


def chromium() -> str:
    """Path of a Chromium, or nothing."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), "")


REQUIRED = {name.strip() for name in os.environ.get("JINTU_REQUIRE", "").split(",") if name.strip()}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    needs = [name for name in ("postgres", "browser", "shared") if item.get_closest_marker(name)]
    if "browser" in needs:
        needs.append("fonts")
    for need in needs:
        why = lacking(need)
        if why and need in REQUIRED:
            pytest.fail(f"{need} is required here: {why}", pytrace=False)
        if why and need != "fonts":
            pytest.skip(why)


# -- append-only tables and the flush after transactional tests


@pytest.fixture(scope="session", autouse=True)
def _flush_past_the_journal_triggers() -> Iterator[None]:
    """Let Django empty the tables after a transactional test although triggers refuse it.

    The product has no switch for this, on purpose. On PostgreSQL the test role, a superuser, sets
    ``session_replication_role`` for the flush; on SQLite the triggers are taken off and put back in one transaction.
    """
    from django.db.backends.base.operations import BaseDatabaseOperations

    plain = BaseDatabaseOperations.execute_sql_flush

    def flush(self: BaseDatabaseOperations, sql_list: list[str]) -> None:
        from django.db import transaction

        connection = self.connection
        if connection.vendor == "postgresql":
            plain(self, ["SET session_replication_role = replica", *sql_list, "RESET session_replication_role"])
            return
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(%'")
            refusing = cursor.fetchall()
            for name, _ in refusing:
                cursor.execute(f'DROP TRIGGER "{name}"')
            for sql in sql_list:
                cursor.execute(sql)
            for _, sql in refusing:
                cursor.execute(sql)

    BaseDatabaseOperations.execute_sql_flush = flush  # type: ignore[method-assign]
    yield
    BaseDatabaseOperations.execute_sql_flush = plain  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """The data directory and the server's database name are private already: no suffix per worker is needed."""


@pytest.fixture
def in_english() -> Iterator[None]:
    """What is said in the test is English, whatever the language of the node."""
    from django.utils import translation

    with translation.override("en"):
        yield


@pytest.fixture
def data_directory() -> Path:
    """The node's data directory of this test process."""
    return DATA
