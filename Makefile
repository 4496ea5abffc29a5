# `make demo` and `make test` are the README's commands; `make check` is for a developer's every commit.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:

# uv trusts the certificates that the system trusts.
export UV_SYSTEM_CERTS := 1

BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test check format

# The whole story, live; REPO=PATH tells it of any checkout that has a Dockerfile.
demo: $(INSTALLED)
	@exec $(BIN)/lading demo $(if $(REPO),--repo "$(REPO)")

# An xdist group, the tests that share the engine, stays on one worker.
test: $(INSTALLED)
	@$(BIN)/python -m tests.support.machine
	$(BIN)/pytest --numprocesses 2 --dist loadgroup -m "not live" -rs

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(INSTALLED): .ci/install pyproject.toml uv.lock
	@.ci/install
	touch $@
