SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/newscrawl-airflow
PACKAGES := crawler_image queue_scaler k8s-tests/newssite
# the tests import Airflow in dozens of processes: each would compile it anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

define CHECK_PYTHON
@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	|| { echo "error: $(PYTHON) is not Python 3.11 to 3.13: install one or say PYTHON=/path/to/python3"; exit 1; }
endef

# uv comes from PyPI into a folder of its own, so that no Python of the machine is changed
UV := $(or $(shell command -v uv),$(CACHE)/uv/bin/uv)
$(CACHE)/uv/bin/uv:
	$(CHECK_PYTHON)
	$(PYTHON) -m venv $(CACHE)/uv && $(CACHE)/uv/bin/pip install -q uv

.PHONY: venv
venv: .venv/.installed ## make .venv with the packages and the development tools
.venv/.installed: requirements-dev.txt $(PACKAGES:%=%/pyproject.toml) | $(filter $(CACHE)/uv/bin/uv,$(UV))
	$(CHECK_PYTHON)
	@echo "making .venv (about 20 s when nothing is cached)"
	$(UV) venv -q --allow-existing --python $(PYTHON) .venv
	$(UV) pip sync -q --python .venv/bin/python --require-hashes requirements-dev.txt
	$(UV) pip install -q --python .venv/bin/python --no-deps --no-build-isolation $(PACKAGES:%=-e %)
	@touch $@

.PHONY: test-fast
test-fast: venv ## unit and chart tests, without a cluster and HDFS
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/lint-imports
	$(RUN) -m cluster services
	$(RUN) -m pytest -m "not (cluster or slow or hdfs or long or keda or loss)" -n 2

.PHONY: test test-local test-cluster
test: venv ## every test: test-local and test-cluster side by side
	@# the tests on the cluster mostly wait: they begin as soon as it has the images
	$(MAKE) --no-print-directory -j 2 --output-sync=line test-local test-cluster

test-local: test-fast ## test-fast, then the slow tests and those of a real HDFS
	$(RUN) -m pytest -m "(slow or hdfs) and not cluster" -v --durations 10

test-cluster: images ## the tests on the kind cluster
	$(RUN) -m pytest -m cluster -n 2 --dist loadgroup -v --durations 15

.PHONY: test-keda
test-keda: venv ## the KEDA engine with the real operator (12 minutes, and six for its build the first time)
	$(RUN) -m pytest -m keda k8s-tests -v -s

.PHONY: test-loss
test-loss: venv ## 300 tasks on the cluster while workers come, go and are killed, through both engines (forty minutes)
	$(RUN) -m pytest -m loss k8s-tests -v -s

# the packages below k8s-tests are run in place
RUN := PYTHONPATH=k8s-tests .venv/bin/python

.PHONY: cluster cluster-down images demo ui shell
cluster: venv ## create the kind cluster, or keep it when it is sound
	$(RUN) -m cluster up

cluster-down: venv ## delete the kind cluster, and stop the docker engine if we started it
	$(RUN) -m cluster down --engine

images: venv ## the cluster, with this checkout's images built and loaded
	$(RUN) -m cluster images

demo: venv ## the whole system once: cluster, images, chart, four news sites, a crawl, a report
	$(RUN) -m demo

ui: venv ## the demo's Airflow UI on http://localhost:8080, until interrupted
	@eval "$$($(RUN) -m cluster env)"; \
	echo "http://localhost:8080, user admin; the password: make shell, then"; \
	echo "  kubectl -n newscrawl get secret newscrawl-airflow -o jsonpath='{.data.admin-password}' | base64 -d"; \
	kubectl -n newscrawl port-forward svc/newscrawl-api-server 8080

shell: venv ## a shell with kubectl, helm and docker on the cluster
	@eval "$$($(RUN) -m cluster env)" && exec $$SHELL

.PHONY: bench-crawler
bench-crawler: venv build/bench/venv/.installed ## measure the crawler and judge it by its limits, beside trafilatura and scrapy (12 minutes)
	$(RUN) -m cluster services
	$(RUN) bench/crawl.py

build/bench/venv/.installed: bench/requirements.txt
	$(UV) venv -q --allow-existing --python $(PYTHON) build/bench/venv
	$(UV) pip sync -q --python build/bench/venv/bin/python --require-hashes bench/requirements.txt
	@touch $@

.PHONY: bench-scaling
bench-scaling: venv ## measure the scaler and judge it by its limits; on the cluster beside KEDA (22 minutes)
	$(RUN) bench/scaling.py --cluster

.PHONY: lock
lock: venv ## resolve the locked requirements anew from the pyproject.toml files
	$(COMPILE) --extra airflow crawler_image/pyproject.toml -o crawler_image/requirements.txt
	$(COMPILE) --extra airflow --extra spark -c crawler_image/requirements.txt crawler_image/pyproject.toml -o crawler_image/requirements-spark.txt
	$(COMPILE) queue_scaler/pyproject.toml -o queue_scaler/requirements.txt
	$(COMPILE) k8s-tests/newssite/pyproject.toml -o k8s-tests/newssite/requirements.txt
	$(COMPILE) bench/requirements.in -o bench/requirements.txt
	$(COMPILE) $(PACKAGES:%=-c %/requirements.txt) pyproject.toml $(PACKAGES:%=%/pyproject.toml) -o requirements-dev.txt

COMPILE := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate
