# Everything runs in .venv, made here from constraints.txt: `make demo` and `make test` need nothing
# but Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
# What the lint reads as SQL: dbt compiles it, so a database of its own is built first.
SQL := models macros tests/dbt analyses
# A file always in one process: its tests may share what is slow to make. Three processes for two
# cores, since each waits now and then, for a server, a disk, a process of its own.
PARALLEL := -n 3 --dist loadfile
# Python compiles what is used when it is first used: all of it takes a quarter of the installation.
INSTALL := $(BIN)/pip install --quiet --no-compile --constraint constraints.txt
# It must keep what it has compiled, whatever an image for containers sets: else each of the many
# processes that the tests start compiles dbt anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test tests coverage lint lint-types lint-sql format bench calibrate faults clean

.venv/demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable .
	@touch $@

.venv/dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[dev]'
	@touch $@ .venv/demo

## Simulate a shop, build the marts, find the planted incidents: what recwatch does, on DuckDB.
demo: .venv/demo
	$(BIN)/recwatch demo

## Lint, and every test, on DuckDB, on a real Postgres, and on Spark where Java 17 is found. The
## lint runs beside the tests, in the time that they leave; `make lint` has its word in a minute.
test: .venv/dev
	$(MAKE) --no-print-directory --jobs=2 GENTLY='nice -n 5' lint tests

tests: .venv/dev
	$(BIN)/pytest $(PARALLEL)

## The same, with the lines that no test reaches; measuring them takes half as long again.
coverage: .venv/dev
	$(BIN)/pytest $(PARALLEL) --cov --cov-report=term --cov-fail-under=90

## ruff, mypy, and sqlfluff for both dialects.
lint: .venv/dev
	$(GENTLY) $(BIN)/ruff check .
	$(GENTLY) $(BIN)/ruff format --check .
	$(MAKE) --no-print-directory --jobs=2 lint-types lint-sql

lint-types: .venv/dev
	$(GENTLY) $(BIN)/mypy

lint-sql: .venv/dev
	$(GENTLY) $(BIN)/python -m tests.lint_sql $(SQL)

format: .venv/dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

## What the marts cost, against plain SQL and a short history; how right the rules are, on 180 days.
bench: .venv/dev
	$(BIN)/python -m benchmarks.engagement
	$(BIN)/python -m benchmarks.personalization
	$(BIN)/python -m benchmarks.experiments
	$(BIN)/python -m benchmarks.alerts
	$(BIN)/python -m benchmarks.backtest

## How often the tests of experiments are wrong, on simulated ones: writes docs/calibration.md.
calibrate: .venv/dev
	$(BIN)/python -m calibration

## What is promised when things go wrong, with real kills and servers: writes docs/faults.md.
faults: .venv/dev
	$(BIN)/python -m faults

clean:
	rm -rf .venv .bench target logs demo recwatch.duckdb recwatch-demo.html recwatch-state.db* .mypy_cache .pytest_cache .ruff_cache
