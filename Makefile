# Tocsin: `make run` shows it at work, `make test` proves it. Both need only Python 3.11 and make.
PYTHON ?= python3.11
BIN := .venv/bin
HOME_FOLDER ?= .demo

.DEFAULT_GOAL := help
.PHONY: help install run test test-servers test-ledger-postgresql prove check bench bench-servers picture clean lock

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

install: .venv/.installed ## the environment, in .venv

.venv/.installed: deploy/requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tocsin needs Python 3.11 or newer; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r deploy/requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	touch $@

run: .venv/.installed ## the product at work on a bundled newsroom: no internet, Ctrl-C ends it, again goes on
	$(BIN)/tocsin demo --home $(HOME_FOLDER)

test: .venv/.installed ## every test; those with servers use what is on this machine
	sh tests/browser.sh
	$(BIN)/python -m pytest $(OPTIONS)

test-servers: .venv/.installed ## tests with a real Kafka, Elasticsearch and PostgreSQL: fetches them, fails where one is missing
	sh tests/browser.sh
	sh tests/packages.sh
	TOCSIN_NEED_SERVERS=1 $(BIN)/python -m pytest -m 'servers and not prove' --timeout 1200 $(OPTIONS)
	TOCSIN_NEED_SERVERS=1 $(MAKE) test-ledger-postgresql

# Written for a ledger in a file; what they say must hold on PostgreSQL too.
LEDGER_TESTS = tests/ingest/test_queue.py tests/ingest/test_pages.py tests/ingest/test_pages_again.py tests/ingest/test_feeds_poll*.py \
  tests/ingest/test_rejected.py tests/ingest/test_retention.py tests/ingest/test_account.py \
  tests/search/test_alerts.py tests/search/test_alerts_stage.py tests/search/test_deliver*.py \
  tests/search/test_watches.py tests/search/test_desk.py tests/search/test_desk_acts.py \
  tests/enrich/test_stories.py tests/enrich/test_stories_forgetting.py tests/flows/test_worker.py

test-ledger-postgresql: .venv/.installed ## tests of the stages with the ledger on PostgreSQL in place of a file
	$(BIN)/python -m pytest -q -p ledger_on_postgresql $(LEDGER_TESTS)

prove: .venv/.installed ## long proofs: kills, the whole newsroom, faults, servers that fail
	sh tests/deploy/tools.sh "$${TOCSIN_TOOLS:-$${TMPDIR:-/tmp}/tocsin-deploy-tools}"
	sh tests/packages.sh
	TOCSIN_NEED_SERVERS=1 $(BIN)/python -m pytest -m prove --timeout 3000 $(OPTIONS)

check: .venv/.installed ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.installed ## speed and memory, side by side in one run
	$(BIN)/python tests/bench/all.py

bench-servers: .venv/.installed ## the same over Kafka, Elasticsearch and PostgreSQL: rates, delay, a burst
	TOCSIN_NEED_SERVERS=1 $(BIN)/python tests/bench/all.py kafka_stream elastic_bulk servers

picture: .venv/.installed ## takes the pictures of the desk page and of Prefect's anew, from running ones
	TOCSIN_PICTURE=1 $(BIN)/python -m pytest -q tests/flows/test_run_demo_page.py tests/flows/test_scheduled_worker.py

lock: ## pins every requirement anew, with hashes and without addresses
	uv pip compile pyproject.toml --extra development --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -o deploy/requirements.lock
	uv pip compile pyproject.toml --constraint deploy/requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -o deploy/requirements.runtime.lock

clean: ## removes the environment, caches and the demo's folder
	rm -rf .venv .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
