# Every target does its own set-up: a machine needs Python 3.11 or newer, git, and nothing else of ours.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint format types layers requirements sbom audit requirements-update requirements-upgrade reference dev bench clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-21s %s\n", $$1, $$2 }' Makefile

demo: setup ## land files in a container on this machine; watch the tables, the catalog and the story come out
	@$(BIN)/python -m odibi_local.demo

test: setup ## run every test, on real parts
	@$(BIN)/python -m pytest

check: ## everything CI runs: lint, types, layers, current requirements, tests
	@bash .ci/run

lint: setup ## look for faults and for unformatted code
	@$(BIN)/ruff format --quiet --check .; formatted=$$?; $(BIN)/ruff check --quiet . && exit $$formatted

format: setup ## format the code, and mend what can be mended
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

types: setup ## check the types
	@$(BIN)/mypy

layers: setup ## check who imports whom
	@$(BIN)/lint-imports --no-logo

requirements: setup ## check that the requirements files are what pyproject.toml asks for
	@$(BIN)/python -m tests.tools.requirements --check

sbom: setup ## write the bill of materials of what is deployed: .local/sbom.cdx.json
	@$(BIN)/python -m tests.tools.sbom .local/sbom.cdx.json

audit: setup ## ask the registry whether a vulnerability is known of what is pinned (needs the network)
	@$(BIN)/python -m tests.tools.audit .local/audit

requirements-update: setup ## compile the requirements files after a change of pyproject.toml
	@$(BIN)/python -m tests.tools.requirements --update

requirements-upgrade: setup ## compile them with the newest versions
	@$(BIN)/python -m tests.tools.requirements --upgrade

reference: setup ## write the reference pages anew after a change of models, transforms, patterns or checks
	@$(BIN)/python -m tests.tools.reference --update

dev: setup ## run the project in pipelines/ on this machine, as Azure would
	@$(BIN)/odibi dev

bench: setup ## measure
	@$(BIN)/python -m benchmarks

clean: ## forget everything that can be made again
	@rm -rf $(VENV) .local .odibi pipelines/.odibi pipelines/lake build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

setup: $(READY) ## install the locked packages into .venv (the other targets do that too)
	@:

$(READY): requirements-dev.txt pyproject.toml .ci/find-python tests/tools/set_up.py
	@python=$$(sh .ci/find-python $(PYTHON)) && "$$python" -m tests.tools.set_up $(VENV)
	@touch $@
