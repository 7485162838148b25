# make repro: environment, pipeline, result table.  make test: the fast tests.  Both make what they need.
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
SHELL := bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export PATH := $(CURDIR)/$(BIN):$(PATH)
export HF_HUB_DISABLE_TELEMETRY := 1
export DVC_NO_ANALYTICS := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help install repro results test test-slow lint bench benchmarks fingerprints trials compare crawl clean-venv

help:  ## List the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

# torch first and by its exact pin, so that nothing else draws in another build of it.
$(STAMP): requirements.txt constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else f"error: Python 3.11 or newer is needed, {sys.executable} is {v[0]}.{v[1]}; run make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' requirements.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	touch $(STAMP)

install: $(STAMP)  ## Make the virtual environment (.venv) with the pinned requirements

repro: $(STAMP)  ## Run the pipeline and print the result table
	python -m commands.check
	dvc repro
	python -m commands.results

results: $(STAMP)  ## Print the result table of the last run
	@python -m commands.results

test: $(STAMP)  ## Run the fast tests (no network)
	python -m pytest

test-slow: $(STAMP)  ## Run the tests that need servers, a browser or minutes
	python -m pytest -m slow

lint: $(STAMP)  ## Check style and format
	ruff check .
	ruff format --check .

bench: $(STAMP)  ## Run every speed benchmark; figures go to metrics/bench/
	for file in bench/[a-z]*.py; do
	  name=$$(basename "$$file" .py)
	  python -m "bench.$$name" --out "metrics/bench/$$name.json"
	done

benchmarks: $(STAMP)  ## Evaluate the default adapters on NTREX and FLORES (web access or KOPRI_MIRROR)
	python -m commands.benchmark

fingerprints: $(STAMP)  ## Rewrite the benchmark fingerprints (KOPRI_MIRROR)
	python -m commands.fingerprint

trials: $(STAMP)  ## Run the recipes of assets/trials.yaml as experiments; figures go to metrics/recipes.json
	python -m commands.trials

compare: $(STAMP)  ## Test two experiments query by query: A=main B=workspace (experiments, branches, commits)
	@if [ -z "$(A)" ] || [ -z "$(B)" ]; then
	  echo "error: which two? make compare A=main B=workspace; dvc exp list names the experiments" >&2
	  exit 2
	fi
	python -m commands.compare "$(A)" "$(B)"

crawl: $(STAMP)  ## Crawl a site: SITE=turkmenportal|orient|uzedu CONTACT=you@example.org [SINCE=2024-01-01 UNTIL=... MAX_PAGES=... LANGS="ru tk"]
	@if [ -z "$(SITE)" ]; then
	  echo "error: which site? make crawl SITE=turkmenportal (or orient, uzedu) CONTACT=you@example.org" >&2
	  exit 2
	fi
	python -m crawler --site "$(SITE)" $(if $(CONTACT),--contact "$(CONTACT)") $(if $(SINCE),--since $(SINCE)) \
	  $(if $(UNTIL),--until $(UNTIL)) $(if $(MAX_PAGES),--max-pages $(MAX_PAGES)) $(if $(LANGS),--langs $(LANGS))
	dvc add data/crawl/$(SITE).jsonl.gz $(if $(filter uzedu,$(SITE)),$$(ls -d data/crawl/uzedu 2>/dev/null || true))
	# A stage of the matrix cannot depend on a crawl that may be absent: collect it anew where it is listed.
	if python -c 'import sys, yaml; sys.exit("$(SITE)" not in yaml.safe_load(open("params.yaml"))["sources"])'; then
	  dvc repro --force --single-item collect@$(SITE)
	fi

clean-venv:  ## Remove the virtual environment
	rm -rf $(VENV)
