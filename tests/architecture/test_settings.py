"""Settings the rest relies on, asserted as Django sees them: a key nested wrongly is silently ignored."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def test_the_embedded_database_is_set_up_as_meant() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("this run is on PostgreSQL")
    facts = settings.DATABASES["default"]
    assert facts["ENGINE"] == "jintu.foundation.registers.db.geopackage"
    assert facts["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert facts["OPTIONS"]["timeout"] >= 10
    assert not facts.get("ATOMIC_REQUESTS")


def test_requests_are_not_wrapped_in_transactions() -> None:
    assert not settings.DATABASES["default"].get("ATOMIC_REQUESTS")


def test_the_job_queue() -> None:
    queue = settings.Q_CLUSTER
    assert queue["orm"] == "default"
    assert queue["timeout"] < queue["retry"]  # or a long job would be delivered twice
    from django_q.conf import Conf

    assert queue["timeout"] == Conf.TIMEOUT
    assert queue["retry"] == Conf.RETRY
    assert Conf.ORM == "default"


def test_people_and_pages() -> None:
    assert settings.AUTH_USER_MODEL == "identity.User"
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.X_FRAME_OPTIONS == "DENY"
    assert settings.SECURE_CONTENT_TYPE_NOSNIFF
    assert settings.LANGUAGE_CODE == "zh-hans"
    assert settings.USE_TZ
    middleware = settings.MIDDLEWARE
    signed_in = middleware.index("django.contrib.auth.middleware.AuthenticationMiddleware")
    assert middleware.index("jintu.foundation.identity.middleware.ScopeMiddleware") > signed_in
    assert "jintu.ui.csp.ContentSecurityPolicyMiddleware" in middleware
    assert middleware[-1] == "jintu.foundation.operations.errors.ErrorMiddleware"  # the first to see a view's error
    assert settings.REST_FRAMEWORK["EXCEPTION_HANDLER"] == "jintu.foundation.operations.errors.api_exception"


def test_the_tests_run_on_a_private_node(data_directory: Path) -> None:
    assert settings.NODE.data == data_directory
    assert str(connection.settings_dict["NAME"]).startswith((str(data_directory), "test_jintu_"))
    assert "var/node" not in str(data_directory)


@pytest.mark.parametrize(
    ("url", "facts"),
    [
        ("", {"ENGINE": "jintu.foundation.registers.db.geopackage"}),
        (
            "postgres://us%40er:p%2Fw@db:5433/land",
            {
                "ENGINE": "jintu.foundation.registers.db.postgresql",
                "NAME": "land",
                "USER": "us@er",
                "PASSWORD": "p/w",
                "HOST": "db",
                "PORT": "5433",
            },
        ),
    ],
)
def test_the_database_url(url: str, facts: dict[str, str], tmp_path: Path) -> None:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("JINTU_")},
        "JINTU_DATA": str(tmp_path),
        "JINTU_DATABASE": url,
        "PYTHONPATH": str(ROOT / "src"),
    }
    code = (
        "import json; from jintu.config import settings; print(json.dumps(settings.DATABASES['default'], default=str))"
    )
    import json

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert {k: found[k] for k in facts} == facts


def test_a_node_without_a_secret_key_serves_nobody(tmp_path: Path) -> None:
    environment = {**os.environ, "JINTU_DATA": str(tmp_path), "JINTU_SECRET_KEY": ""}
    done = subprocess.run(
        [sys.executable, "-c", "import jintu.config.wsgi"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "has no secret key" in done.stderr


def test_without_a_key_each_process_signs_with_its_own(tmp_path: Path) -> None:
    environment = {**os.environ, "JINTU_DATA": str(tmp_path), "JINTU_SECRET_KEY": ""}
    show = "from django.conf import settings; print(settings.SECRET_KEY)"
    keys = {
        subprocess.check_output([sys.executable, "-c", show], env=environment, text=True, timeout=120) for _ in range(2)
    }
    assert len(keys) == 2
    assert min(len(k) for k in keys) > 50


# --- the node's own settings ----------


def read(tmp_path: Path, toml: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "jintu.toml").write_text(toml, encoding="utf-8")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("JINTU_")},
        "JINTU_DATA": str(tmp_path),
        "PYTHONPATH": str(ROOT / "src"),
        **variables,
    }
    code = (
        "from jintu.config import settings as s; "
        "print(s.JINTU_LINK_DAYS, s.JINTU_DRAFT_DAYS, s.JINTU_RETENTION_AT, s.JINTU_PREBUILD_TILES, s.JINTU_FILE_LIMIT)"
    )
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)


def test_settings_are_read_from_the_file_and_the_environment_wins(tmp_path: Path) -> None:
    assert read(tmp_path).stdout.split() == ["30", "None", "True", str(2 << 30)]
    toml = 'link_days = 7\ndraft_days = 60\nretention_at = "02:30"\nprebuild_tiles = false\nfile_limit_mb = 5\n'
    assert read(tmp_path, toml).stdout.split() == ["7", "60", "02:30", "False", str(5 << 20)]
    assert read(tmp_path, toml, JINTU_LINK_DAYS="90").stdout.split()[0] == "90"


@pytest.mark.parametrize(
    ("toml", "allowed"),
    [
        ("link_days = 0", "1 … 3650"),
        ('link_days = "many"', "1 … 3650"),
        ('retention_at = "25:00"', "02:30"),
        ('hash = "md5"', "sha256, sm3"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_what_is_allowed(tmp_path: Path, toml: str, allowed: str) -> None:
    done = read(tmp_path, toml)
    assert done.returncode != 0
    assert f"jintu.toml, field {toml.split()[0]}:" in done.stderr and allowed in done.stderr


def test_every_setting_is_documented_with_its_default() -> None:
    from dataclasses import fields

    from jintu.config.node import Node

    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    rows = {cells[1].strip(" `"): cells for line in page.splitlines() if len(cells := line.split("|")) > 4}
    for f in fields(Node):
        assert f.name in rows, f.name
        assert rows[f.name][2].strip(" `") == f"JINTU_{f.name.upper()}"
        if "least" in f.metadata:
            assert rows[f.name][3].strip().replace(" ", "") == str(f.default), f.name
