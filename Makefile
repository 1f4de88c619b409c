# Paths here are relative, so that the tree may lie in a directory with spaces in its name.

.DEFAULT_GOAL := help
.PHONY: help setup run test lint faults bench profile lock clean

# An environment knows where it was made: after the tree has moved it is made again.
ifneq ("$(shell cat .venv/installed 2>/dev/null)","$(CURDIR)")
.PHONY: .venv/installed
endif

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: .venv/installed ## make .venv with everything in it

.venv/installed: pyproject.toml requirements/build.txt requirements/run.txt requirements/dev.txt scripts/setup
	@scripts/setup

run: .venv/installed ## a private database in var/, the sample, and the service, until Ctrl-C
	@scripts/database-server
	@exec .venv/bin/studentapi run

test: .venv/installed ## every test; ARGS="-k name" for some of them
	@scripts/database-server || echo "Going on without: some tests need one, and say so."
	@scripts/network-tools || echo "Going on without: some tests need them, and say so."
	@scripts/bench-tools wrk || echo "Going on without: some tests need it, and say so."
	@scripts/redis || echo "Going on without: some tests need it, and say so."
	@exec .venv/bin/python -m pytest $(ARGS) $(PYTEST_ARGS)

lint: .venv/installed ## style, types, and which storey may know which
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports

faults: .venv/installed ## every fault done to every answer: a table, docs/faults.md and its picture; as root, all of them
	@scripts/database-server
	@scripts/network-tools || echo "Going on without: some faults need them, and say so."
	@exec .venv/bin/python -m lab.faults $(ARGS)

bench: .venv/installed ## everyone measured side by side: tables, docs/bench.md, pictures; QUICK=1 in three minutes
	@scripts/database-server
	@scripts/bench-tools
	@exec .venv/bin/python -m lab.bench $(if $(filter-out 0,$(QUICK)),--quick) $(ARGS)

profile: .venv/installed ## where the time goes, of studentapi and of whom it is held to: docs/profile.md
	@scripts/database-server
	@scripts/bench-tools
	@exec .venv/bin/python -m lab.profile $(ARGS)

lock: .venv/installed ## pin the newest versions that pyproject.toml allows, with their hashes
	@scripts/lock

clean: ## remove what the other targets made, except the data in var/
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
