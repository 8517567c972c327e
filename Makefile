# Two commands for a newcomer: `make demo` and `make test`. Everything is set up below .venv and frontend/node_modules.
SHELL := /bin/bash
PYTHON ?= python3
SERVE ?= 1
SCALE ?= small
ONLY ?=
DATA ?= var/demo
VENV := .venv
BIN := $(VENV)/bin
DIST := src/jintu/ui/static/dist
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test bench setup front check lint types contracts translations migrations messages serve clean

demo: setup
	$(BIN)/jintu --data $(DATA) demo $(if $(filter 0,$(SERVE)),--no-serve,)

test: setup
	$(BIN)/python scripts/test.py

bench: setup $(VENV)/.bench
	$(BIN)/python -m benchmarks --scale $(SCALE) $(if $(ONLY),--only $(ONLY),)

setup: $(VENV)/.done $(DIST)/.done

# uv is used when there is one; pip does the same more slowly.
$(VENV)/.done: pyproject.toml requirements/dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed (Debian: apt-get install python3-venv)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if command -v uv >/dev/null; then uv pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt && uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else $(BIN)/pip install -q --require-hashes -r requirements/dev.txt && $(BIN)/pip install -q --no-deps --no-build-isolation -e .; fi
	@$(BIN)/python scripts/messages.py compile
	@touch $@

$(VENV)/.bench: requirements/bench.txt
	@$(BIN)/pip install -q --require-hashes -r requirements/bench.txt
	@touch $@

$(DIST)/.done: frontend/package-lock.json frontend/build.mjs $(shell find frontend/src -type f 2>/dev/null) $(shell find src/jintu -name "*.html")
	@command -v npm >/dev/null || { echo "Node 20 or newer is needed to build the pages (the released wheel carries them built)"; exit 2; }
	cd frontend && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

front: $(DIST)/.done

check: lint types contracts translations migrations

lint:
	$(BIN)/ruff check src tests scripts benchmarks conftest.py hatch_build.py
	$(BIN)/ruff format --check src tests scripts benchmarks conftest.py hatch_build.py

types:
	$(BIN)/mypy --exclude /tests/ src/jintu/kernel src/jintu/sample

contracts:
	$(BIN)/lint-imports

translations:
	$(BIN)/python scripts/messages.py check

messages:
	$(BIN)/python scripts/messages.py update

migrations:
	$(BIN)/python -m django makemigrations --check --dry-run --settings jintu.config.settings

serve:
	$(BIN)/jintu --data $(DATA) serve

clean:
	rm -rf $(VENV) frontend/node_modules $(DIST) var
