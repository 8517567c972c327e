"""The TypeScript of the pages: types and unit tests, where Node and its packages are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FRONTEND = Path(__file__).resolve().parents[4] / "frontend"


@pytest.mark.parametrize("script", ["types", "test"])
def test_npm_script(script: str) -> None:
    if not shutil.which("npm") or not (FRONTEND / "node_modules").is_dir():
        pytest.skip("npm packages are not installed (the released wheel carries the built pages)")
    done = subprocess.run(["npm", "run", "--silent", script], cwd=FRONTEND, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
