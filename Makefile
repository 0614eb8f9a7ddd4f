SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/newscrawl-airflow
PACKAGES := crawler_image queue_scaler k8s-tests/newssite

.PHONY: help
help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# uv comes from PyPI into a folder of its own, so that no Python of the machine is changed
UV := $(or $(shell command -v uv),$(CACHE)/uv/bin/uv)
$(CACHE)/uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is older than 3.11: install Python 3.11 to 3.13 or say PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(CACHE)/uv && $(CACHE)/uv/bin/pip install -q uv

.PHONY: venv
venv: .venv/.installed ## make .venv with the packages and the development tools
.venv/.installed: requirements-dev.txt $(PACKAGES:%=%/pyproject.toml) | $(filter $(CACHE)/uv/bin/uv,$(UV))
	@echo "making .venv (about 20 s when nothing is cached)"
	$(UV) venv -q --allow-existing --python $(PYTHON) .venv
	$(UV) pip sync -q --python .venv/bin/python --require-hashes requirements-dev.txt
	$(UV) pip install -q --python .venv/bin/python --no-deps --no-build-isolation $(PACKAGES:%=-e %)
	@touch $@

.PHONY: test-fast
test-fast: venv ## unit and chart tests, without a cluster
	.venv/bin/ruff check
	.venv/bin/lint-imports
	.venv/bin/pytest -m "not cluster"

.PHONY: test
test: test-fast ## every test
