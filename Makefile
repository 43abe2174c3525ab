# Every command that a developer or a build server runs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
COMPILE := $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate

.PHONY: help run demo test setup setup-test static services dev check lint types imports \
	migrations documents compare-peer fuzz docs unit fix integration browser record bench lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: ## from a bare machine to the running product; Ctrl-C stops it
	@scripts/setup run
	@scripts/static
	@exec $(PYTHON) -m portal.serve

test: setup-test lint types imports migrations ## from a bare machine to every test, run and counted
	@scripts/install-test-packages
	@rm -f .coverage .coverage.*
	@$(PYTEST) -q -n 2 --dist loadfile --show-capture=no --cov --cov-report=
	@$(PYTHON) -m coverage report

demo: ## the product with a simulated fleet of 44 hosts and 100 days of its history
	@scripts/setup run
	@scripts/static
	@exec $(PYTHON) -m benchmarks.demo

setup: ## the virtual environment with what the product needs, and the front-end files
	@scripts/setup run
	@scripts/static

setup-test: ## the same with what the checks and tests need
	@scripts/setup test
	@scripts/static

services: setup-test ## PostgreSQL and Valkey for development; prints their addresses
	@exec $(PYTHON) -m portal.serve --services-only

dev: setup-test ## the product, restarted when its source changes
	@PLIMSOLL_DEBUG=1 exec $(PYTHON) -m portal.serve --reload

check: lint types imports migrations docs unit ## what must pass before a commit

lint: ## ruff: style, errors, formatting
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m ruff format --quiet --check .

types: ## mypy, strict
	@$(PYTHON) -m mypy --no-error-summary

imports: ## who may import whom
	@said=$$(.venv/bin/lint-imports --no-logo 2>&1) || { echo "$$said"; exit 1; }

migrations: ## the models and their migrations agree
	@$(PYTHON) -W 'ignore:Got an error checking' manage.py makemigrations --check --verbosity 0 \
		|| { echo 'Run: $(PYTHON) manage.py makemigrations'; exit 1; }

docs: ## what the documents say is true of the source
	@$(PYTEST) -q tests/architecture

unit: ## the library and the portal, without an engine or a browser
	@$(PYTEST) -q tests/scanner tests/portal

integration: ## real Docker engines
	@$(PYTEST) -q tests/integration

browser: ## a real Chromium against the whole product
	@$(PYTEST) -q tests/browser

fix: ## format, and repair what can be repaired
	@$(PYTHON) -m ruff check --quiet --fix .
	@$(PYTHON) -m ruff format --quiet .

record: ## save new answers of a real engine as test data
	@$(PYTHON) -m tests.recorded.record
	@$(PYTHON) -m tests.recorded.record_machines

fuzz: ## 100,000 spoilt answers; minutes of both processors
	@PLIMSOLL_TEST_FUZZ_EXAMPLES=12500 $(PYTEST) -q -n 2 tests/scanner/test_fuzz.py

documents: ## write the tables in the documents that are made from the code
	@$(PYTHON) -m tests.architecture.generated

compare-peer: setup-test ## judge one engine by docker-bench-security (DOCKER_BENCH=its directory) and by us
	@scripts/install-test-packages
	@$(PYTHON) -m benchmarks.compare_peer "$(DOCKER_BENCH)"

bench: setup-test ## measure the scanner against the engine itself
	@scripts/install-test-packages
	@$(PYTHON) -m benchmarks

lock: ## choose the newest allowed versions again and write the lock files
	@$(COMPILE) --upgrade pyproject.toml requirements/build.in --output-file requirements/run.lock
	@$(COMPILE) --upgrade pyproject.toml requirements/build.in --extra dev \
		--constraint requirements/run.lock --output-file requirements/test.lock
	@$(COMPILE) --upgrade requirements/node.in --output-file requirements/node.lock
	@$(COMPILE) --upgrade requirements/uv.in --output-file requirements/uv.lock
	@npm install --package-lock-only --ignore-scripts --no-audit --no-fund

clean: ## remove what the commands above made, except the product's data in var/
	@rm -rf .venv node_modules static/vendor .mypy_cache .ruff_cache .import_linter_cache \
		.hypothesis .coverage .coverage.* htmlcov test-results *.egg-info
