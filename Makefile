# The two commands of the README are `make demo` and `make test`; `make check` is for a developer's every commit.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:

# uv trusts the certificates that the system trusts.
export UV_SYSTEM_CERTS := 1

BIN := .venv/bin

.PHONY: check format

$(BIN)/uv:
	python3 -m venv .venv
	$(BIN)/python -m pip install --quiet uv

.venv/installed: $(BIN)/uv pyproject.toml uv.lock
	$(BIN)/uv sync --frozen --all-extras --quiet
	touch $@

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
