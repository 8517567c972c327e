"""Build hook: compiles the translations into the wheel and refuses to build one without the front end."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        runpy.run_path(str(root / "scripts" / "messages.py"))["compile_all"]()
        if version == "standard" and not (root / "src/jintu/ui/static/dist/app.js").exists():
            raise RuntimeError("The front end is not built: run `make front` first.")
