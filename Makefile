# The commands of the project. `make` alone lists them. Needs Python 3.11+, git and make, nothing else.
#
# PYTHON=/path/to/python  builds .venv with that Python
# KEEP=1                  leaves what `make demo` started up until Ctrl-C
# ARGS='-k planner -x'    goes to pytest
# MINUTES=10 SEED=7      is how long `make soak` looks, and the seed which it tries
# WORKERS=0               runs the tests in one process (3 by default: one of them mostly waits for Prefect)

MAKEFLAGS += --no-print-directory
BIN := .venv/bin
WORKERS ?= 3
MINUTES ?= 10

.PHONY: help setup demo test soak judges check lint types imports fresh format docs bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: ## build .venv when it is missing or stale
	@PYTHON="$(PYTHON)" tools/setup.sh

demo: setup ## emulators, Prefect, nine flows activated in order, one deal each way (KEEP=1 leaves it running)
	@$(BIN)/cosell demo $(if $(filter-out 0 no false,$(KEEP)),--keep)

test: setup ## run the whole test suite
	@NODE_PATH="$(CURDIR)/.judges/node_modules:$$NODE_PATH" $(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

soak: setup ## look for broken promises for MINUTES=10; SEED=n tries one once more
	@$(BIN)/python -m tests.properties.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

judges: setup ## install other people's Dataverse clients, which then judge the emulator in `make test`
	@tools/judges.sh

check: setup lint types imports fresh ## linters, types, import rules, generated pages

lint: setup ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy, strict
	@$(BIN)/mypy

imports: setup ## import-linter: who may import whom
	@$(BIN)/lint-imports --no-logo

fresh: setup ## are the generated pages what `make docs` would write?
	@$(BIN)/python -m tools.docs --check

format: setup ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: setup ## write the generated pages
	@$(BIN)/python -m tools.docs

bench: setup ## measure; writes benchmarks/results/latest.json and docs/performance.md (ARGS='receiver bulk': only these)
	@$(BIN)/python -c 'import dlt' 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt 'dlt>=1.20'
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove .venv, caches and build results; keeps your data in .cosell
	@rm -rf .venv .judges .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist ./*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
