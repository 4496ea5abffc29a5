# `make demo` and `make test` are the README's commands; `make check` is for a developer's every commit.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:

# uv trusts the certificates that the system trusts.
export UV_SYSTEM_CERTS := 1

BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test bench matrix screenshots check format

# The whole story, live; REPO=PATH tells it of any checkout that has a Dockerfile.
demo: $(INSTALLED)
	@exec $(BIN)/lading demo $(if $(REPO),--repo "$(REPO)")

# An xdist group, the tests of a module that needs an engine, stays on one worker.
test: $(INSTALLED)
	@$(BIN)/python -m tests.support.machine
	$(BIN)/pytest --numprocesses 3 --dist loadgroup -m "not live and not matrix" -rs

# Against the script of 2016 and other clients; BENCH, ENGINES, WAYS (names with commas) and RUNS choose. `make bench
# BENCH=small,b RUNS=3` is a few minutes; growth, peers, floor and profile are in BENCH's names too.
bench: $(INSTALLED)
	@$(BIN)/python -m tests.bench $(if $(BENCH),--bench $(BENCH)) $(if $(ENGINES),--engines $(ENGINES)) \
		$(if $(WAYS),--ways $(WAYS)) $(if $(RUNS),--runs $(RUNS))

# What is published from one engine, pulled and run by another: Docker 20.10, 26.1, 28.5, and the containerd store.
matrix: $(INSTALLED)
	@$(BIN)/python -m tests.support.machine
	$(BIN)/pytest --numprocesses 2 --dist loadgroup -m matrix -rs tests/matrix tests/contract tests/e2e/faults

# Every screen, as SVG and PNG, always the same: STATES="access audit" chooses.
screenshots: $(INSTALLED)
	@command -v rsvg-convert >/dev/null || {
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
			fonts-dejavu-core librsvg2-bin
	} >&2
	$(BIN)/python -m tests.support.screenshots $(STATES)

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
