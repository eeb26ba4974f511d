# Everything but Python 3.11 or newer is made here, in .venv.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help run dev test soak bench bench-cpu lint operator requirements clean local developer

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
venv := .venv/bin
# Enough to load the settings of a production server. Nothing listens there.
production := DATABASE_URL=postgresql://memgraph@127.0.0.1:1/memgraph PUBLIC_URL=https://memgraph.example.com \
	SECRET_KEY=an-example-of-a-secret-key-which-is-used-for-nothing-else

help: ## list what there is
	@sed -n 's/^\([a-z-]*\):.*## /make \1: /p' Makefile

run: local ## run the server, with a PostgreSQL of its own, on port 8001
	@exec $(venv)/python -m memgraph

dev: local ## the same in development mode: no credentials needed, reloads when code changes
	@exec env MEMGRAPH_ENV=development $(venv)/python -m memgraph

test: developer node_modules/.package-lock.json ## run the tests against a real PostgreSQL, and in Chromium if there is one
	@$(venv)/python -m pytest -n 2 --dist worksteal -q

# axe-core, for the tests in a browser, which skip without it.
node_modules/.package-lock.json: package-lock.json
	@if command -v npm >/dev/null; then npm ci --ignore-scripts --no-audit --no-fund --silent; fi

soak: developer ## run what takes too long for every change: many rounds of each race, more versions of the client
	@$(venv)/python -m pytest -m soak -q

bench: local .venv-bench/installed ## compare with peers, side by side: make bench ROWS=W1,R4 SCALE=small (bench/README.md)
	@$(venv)/python -m bench --rows "$(ROWS)" --scale $(or $(SCALE),full)

bench-cpu: local ## what each route costs in CPU, in one process: after a change, in a minute
	@$(venv)/python -m bench.cpu

lint: developer ## check style, types, import rules, migrations and deployment settings
	$(venv)/ruff check .
	$(venv)/ruff format --check .
	$(venv)/mypy .
	$(venv)/lint-imports
	@$(production) $(venv)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@$(production) $(venv)/python manage.py check --deploy --fail-level WARNING

operator: local ## create an account for the Django admin
	@exec $(venv)/python manage.py createsuperuser

lock = $(venv)/uv --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make requirements"

requirements: developer ## write the requirements with hashes anew, after a change to requirements*.in
	@$(lock) requirements-dev.in -o requirements-dev.txt
	@$(lock) requirements-local.in -c requirements-dev.txt -o requirements-local.txt
	@$(lock) requirements.in -c requirements-dev.txt -o requirements.txt
	@$(lock) requirements-pip.in -o requirements-pip.txt
	@$(lock) bench/requirements.in -o bench/requirements.txt

clean: ## remove what was made here, but no data
	rm -rf .cache .venv .venv-bench node_modules artefacts
	rm -rf .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

local developer: requirements = requirements-$(if $(filter local,$@),local,dev).txt
local developer:
	@$(or $(PYTHON),$(error Python 3.11 or newer is needed)) bootstrap.py $(requirements)

.venv-bench/installed: bench/requirements.txt
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r $<
	@touch $@
