# Targets set up what they need: a Python 3.12, make and a package registry are enough.

PORTFOLIO ?= simulated
DATA ?=
MONTH ?=
BORROWERS ?= 20000

VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/.stamps
WANTED := $(shell cat pyproject.toml requirements.txt 2>/dev/null | cksum | tr ' ' '-')
WANTED_DEV := $(shell cat pyproject.toml requirements-dev.txt 2>/dev/null | cksum | tr ' ' '-')
RUN := $(STAMPS)/run-$(WANTED)
DEV := $(STAMPS)/dev-$(WANTED_DEV)
UV := $(STAMPS)/uv
UV_WANTED := uv>=0.8,<1

export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := False
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
ARGS ?=

.PHONY: help airflow run test test-slow up down docs bench lint

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(RUN) ## one month through Airflow, models included [PORTFOLIO= DATA= MONTH= BORROWERS=]
	@$(PY) -m comove.embedded run --portfolio "$(PORTFOLIO)" --borrowers "$(BORROWERS)" \
		$(if $(DATA),--data "$(DATA)") $(if $(MONTH),--month "$(MONTH)")

up: $(RUN) ## Airflow's UI on 127.0.0.1, left running [PORTFOLIO= DATA=]
	@$(PY) -m comove.embedded up --portfolio "$(PORTFOLIO)" $(if $(DATA),--data "$(DATA)")

down: $(RUN) ## end everything that was started
	@$(PY) -m comove.embedded down

airflow: $(RUN) ## a command of Airflow's own: make airflow ARGS="backfill create …"
	@$(PY) -m comove.embedded airflow --portfolio "$(PORTFOLIO)" $(ARGS)

test: $(DEV) ## the test suite, real DAG runs included
	@$(PY) -m pytest --numprocesses 2 --dist loadfile -m "not slow"

test-slow: $(DEV) ## the long statistical checks
	@$(PY) -m pytest --numprocesses 2 --dist loadfile -m slow

docs: $(DEV) ## the guides as a site, links checked, under .comove/site
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet

bench: $(DEV) ## the benchmarks
	@$(PY) -m benchmarks

lint: $(DEV) ## ruff, mypy, sqlfluff, import contracts, links of the guides
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet
	@$(VENV)/bin/sqlfluff lint --disable-progress-bar $(SQL)
	@for name in sba_7a superlender xente; do \
		$(PY) -c "$$DBT_CONTEXT" $$name > $(STAMPS)/$$name.cfg && \
		$(VENV)/bin/sqlfluff lint --disable-progress-bar --config $(STAMPS)/$$name.cfg \
			dbt_project/models/staging/$$name || exit 1; \
	done

# dbt disables the models of sources that are not read, so each is linted as its own.
SQL := dbt_project/models/audit dbt_project/models/decision \
	dbt_project/models/features \
	dbt_project/models/intermediate dbt_project/models/joint_risk \
	dbt_project/models/marts dbt_project/models/overdue \
	dbt_project/models/overdue_grade dbt_project/models/risk \
	dbt_project/models/score_drift \
	dbt_project/models/staging/contract dbt_project/tests
define DBT_CONTEXT
import sys
from comove.portfolio import load_portfolio
found = load_portfolio(sys.argv[1])
print("[sqlfluff:templater:dbt:context]")
print(f"portfolio = {found.name}", f"source = {found.source}", sep="\n")
print("absent =", dict.fromkeys(found.absent, "absent"))
endef
export DBT_CONTEXT

$(PY):
	@set -e; \
	for candidate in python3.12 python3 python \
		$(HOME)/.pyenv/versions/3.12*/bin/python; do \
		if $$candidate -c 'import sys, ensurepip; sys.exit(sys.version_info[:2] != (3, 12))' \
			2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "comove needs Python 3.12 with venv, and found none: looked for python3.12," >&2; \
		echo "python3 and python on the PATH, and for pyenv's versions. Install it (on" >&2; \
		echo "Debian and Ubuntu: python3.12 and python3.12-venv), then run make again." >&2; \
		exit 1; \
	fi; \
	echo "Creating $(VENV) with $$found (once)"; \
	$$found -m venv $(VENV)

$(UV): $(PY)
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null
	@$(PY) -m pip install --quiet "$(UV_WANTED)"
	@mkdir -p $(STAMPS) && touch $@

$(RUN): $(UV)
	@echo "Installing the pinned packages (once)"
	@$(PY) -m uv pip install --quiet --python $(PY) -r requirements.txt
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps -e .
	@rm -f $(STAMPS)/run-* && touch $@

$(DEV): $(UV)
	@echo "Installing the pinned packages for development (once)"
	@$(PY) -m uv pip install --quiet --python $(PY) -r requirements-dev.txt
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps -e .
	@rm -f $(STAMPS)/dev-* && touch $@
