# Every target does its own set-up: a machine needs Python 3.11+ and nothing else of ours.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help demo test check lint types layers requirements dev bench clean setup

help:
	@echo "make demo          land files in a blob container on this machine and watch the tables, the catalog and the story come out"
	@echo "make test          run every test, on real parts"
	@echo "make check         everything CI runs: tests, lint, types, layers, current requirements"
	@echo "make lint | types | layers | requirements | dev | bench | clean"

$(VENV)/.ready: requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "odibi_core needs Python 3.11 or newer; set PYTHON=python3.12, say")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(VENV)/.ready

demo: setup
	$(BIN)/python -m odibi_local.demo

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports

requirements: setup
	$(BIN)/python -m tests.tools.requirements --check

check: test lint types layers requirements

dev: setup
	$(BIN)/odibi dev

bench: setup
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .odibi .local build
