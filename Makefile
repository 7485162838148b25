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
# What a user gives goes to the commands through the environment, as it is: recipes say "$$NAME", never the
# value itself, so that no shell and no make reads it.
URL_IS_GIVEN := $(filter command line,$(origin URL))
GIVEN := A B CONTACT CORPUS DOC ENDPOINT EXP FORMAT FROM K LANGS LICENSES MAX_PAGES MIN_SCORE MODEL MODELS NAME OUT \
  PORT SINCE SITE SOURCES TEXT UNTIL URL
$(foreach name,$(GIVEN),$(if $(value $(name)),$(eval override export $(name) := $$(value $(name)))))

.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' Makefile)

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

# Into the same environment: the workers compute with its packages.
$(VENV)/.engine-installed: $(STAMP) requirements-ray.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-ray.txt -c constraints.txt
	touch $@

engine-install: $(VENV)/.engine-installed  ## Add Ray to the environment, for engine: ray in params.yaml (docs/engine.md)

repro: $(STAMP)  ## Run the pipeline and print the result table
	python -m commands.check
	python -m commands.mend
	dvc repro
	python -m commands.results table

results: $(STAMP)  ## Print the result table of the last run [FORMAT=md: for a paper]
	@python -m commands.results table $(if $(FORMAT),--format="$$FORMAT")

test: $(STAMP)  ## Run the fast tests (no network)
	python -m pytest

test-slow: $(STAMP)  ## Run the tests that need servers, a browser or minutes
	python -m pytest -m slow

lint: $(STAMP)  ## Check style and format
	ruff check .
	ruff format --check .

align-view: $(STAMP)  ## Show how a document was aligned, as a page: DOC=udhr or a document's name
	@if [ -z "$${DOC:-}" ]; then
	  echo "error: which document? make align-view DOC=udhr (or a document's name, as pairs have it)" >&2
	  exit 2
	fi
	python -m commands.align_view --doc="$$DOC"

bench: $(VENV)/.engine-installed  ## Run every speed benchmark; figures go to metrics/bench/
	for file in bench/[a-z]*.py; do
	  name=$$(basename "$$file" .py)
	  python -m "bench.$$name" --out "metrics/bench/$$name.json"
	done

experiments: $(STAMP)  ## Show experiments: changed parameters beside figures, pretrained and fine-tuned [MODEL=use]
	@python -m commands.experiments show $(if $(MODEL),--model="$$MODEL")

benchmarks: $(STAMP)  ## Evaluate the default adapters on NTREX, FLORES and STS, and at several strengths (web access or KOPRI_MIRROR)
	python -m commands.benchmark
	python -m commands.interpolation

fingerprints: $(STAMP)  ## Rewrite the benchmark fingerprints (KOPRI_MIRROR)
	python -m commands.fingerprint

trials: $(STAMP)  ## Run named experiments of assets/experiments.yaml (every trial): NAME="rank lr" [MODELS="use use_tr"]
	@read -ra names <<< "$${NAME:-}"
	read -ra models <<< "$${MODELS:-}"
	python -m commands.experiments run $(if $(MODELS),--models "$${models[@]}") -- "$${names[@]}"

save-model: $(STAMP)  ## Save a fine-tuned model, adapter merged, for others to load: MODEL=use_tr [OUT=...]
	@if [ -z "$${MODEL:-}" ]; then
	  echo "error: which model? make save-model MODEL=use_tr (a fine-tuned one of params.yaml)" >&2
	  exit 2
	fi
	python -m commands.save_model --model="$$MODEL" $(if $(OUT),--out="$$OUT")

readme: $(STAMP)  ## Rewrite the figures of README.md and docs/ from metrics/
	python -m commands.readme

export: $(STAMP)  ## Write the corpus for others: FORMAT=tsv|moses|tmx|jsonl|hf [MIN_SCORE=0.5 SOURCES="a b" LICENSES="MIT ..." RESTRICTED=1 CORPUS=... OUT=...]
	@if [ -z "$${FORMAT:-}" ]; then
	  echo "error: which format? make export FORMAT=tsv (or moses, tmx, jsonl, hf)" >&2
	  exit 2
	fi
	# Lists by words, and licences with quotes around spaces, without a shell reading them.
	read -ra sources <<< "$${SOURCES:-}"
	parsed=$$(xargs printf '%s\n' <<< "$${LICENSES:-}")
	mapfile -t licenses <<< "$$parsed"
	python -m commands.export --format="$$FORMAT" $(if $(CORPUS),--corpus="$$CORPUS") $(if $(OUT),--out="$$OUT") \
	  $(if $(MIN_SCORE),--min-score="$$MIN_SCORE") $(if $(SOURCES),--sources "$${sources[@]}") \
	  $(if $(LICENSES),--licenses "$${licenses[@]}") $(if $(RESTRICTED),--with-restricted)

remote: $(STAMP)  ## Share data through a DVC remote: URL=folder|s3://...|ssh://...|https://... [ENDPOINT=https://...]
	@if [ -z "$${URL:-}" ]; then
	  echo "error: which remote? make remote URL=/path (or s3://bucket/path, ssh://host/path, https://host/path)" >&2
	  exit 2
	fi
	python -m commands.remote --url="$$URL" $(if $(ENDPOINT),--endpoint="$$ENDPOINT")

share: $(STAMP)  ## Push data and run cache to the remote, and tag this version of the corpus in git
	python -m commands.share

search: $(STAMP)  ## Find the nearest sentences of the other language in the corpus: TEXT="..." [FROM=ru K=5 MODEL=use_tr]
	@if [ -z "$${TEXT:-}" ]; then
	  echo 'error: which text? make search TEXT="Сохранить изменения"' >&2
	  exit 2
	fi
	python -m commands.search $(if $(FROM),--lang="$$FROM") $(if $(K),--k="$$K") $(if $(MODEL),--model="$$MODEL") -- "$$TEXT"

demo: $(STAMP)  ## Search and translate on a local page, by any model at hand [PORT=...]
	@python -m commands.demo $(if $(PORT),--port="$$PORT")

compare: $(STAMP)  ## Test two experiments query by query: A=main B=workspace (experiments, branches, commits)
	@if [ -z "$${A:-}" ] || [ -z "$${B:-}" ]; then
	  echo "error: which two? make compare A=main B=workspace; dvc exp list names the experiments" >&2
	  exit 2
	fi
	python -m commands.results compare -- "$$A" "$$B"

plots: $(STAMP)  ## Draw DVC's plots on a page that needs no network: data/plots/index.html [A=HEAD B=workspace to compare]
	python -m commands.plots -- $(if $(A),"$$A") $(if $(B),"$$B")

pair: $(STAMP)  ## Keep the figures of an experiment with another language pair in metrics/pairs/: EXP=ru-uz
	@if [ -z "$${EXP:-}" ]; then
	  echo "error: which experiment? make pair EXP=ru-uz; dvc exp list names them" >&2
	  exit 2
	fi
	python -m commands.results pair -- "$$EXP"

nllb-mini: $(STAMP)  ## Train assets/nllb_mini from scratch, after make repro; Debian's apt-get and an hour or more, resumable
	python -m commands.nllb_mini

crawl: $(STAMP)  ## Crawl a site: SITE=turkmenportal|orient|uzedu CONTACT=you@example.org [SINCE=2024-01-01 UNTIL=... MAX_PAGES=... LANGS="ru tk"]
	@if [ -z "$${SITE:-}" ]; then
	  echo "error: which site? make crawl SITE=turkmenportal (or orient, uzedu) CONTACT=you@example.org" >&2
	  exit 2
	fi
	read -ra langs <<< "$${LANGS:-}"
	python -m crawler --site="$$SITE" $(if $(CONTACT),--contact="$$CONTACT") $(if $(SINCE),--since="$$SINCE") \
	  $(if $(UNTIL),--until="$$UNTIL") $(if $(MAX_PAGES),--max-pages="$$MAX_PAGES") $(if $(LANGS),--langs "$${langs[@]}")
	dvc add "data/crawl/$$SITE.jsonl.gz" $(if $(filter uzedu,$(SITE)),$$(ls -d data/crawl/uzedu 2>/dev/null || true))
	# A stage of the matrix cannot depend on a crawl that may be absent: collect it anew where it is listed.
	if python -c 'import os, sys, yaml; sys.exit(os.environ["SITE"] not in yaml.safe_load(open("params.yaml"))["sources"])'; then
	  dvc repro --force --single-item "collect@$$SITE"
	fi

annotate-export: $(STAMP)  ## Choose pairs for people to judge; tasks go to data/annotation-tasks.json
	python -m commands.annotate_export

# The server has requirements of its own, which do not go together with ours.
LABEL_STUDIO := .cache/label-studio-venv
$(LABEL_STUDIO)/.installed: requirements-label-studio.txt
	$(PYTHON) -m venv $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-label-studio.txt
	touch $@

label-studio-install: $(LABEL_STUDIO)/.installed  ## Install the Label Studio server (1 GB) without starting it

label-studio: $(STAMP) $(LABEL_STUDIO)/.installed  ## Run a Label Studio server here with the exported tasks [PORT=...]
	python -m commands.label_studio $(if $(PORT),--port="$$PORT")

# The token reaches the command by the environment: a command line can be read by others.
# Variables TOKEN and URL of the environment may be anybody's, so they are not taken.
ifeq ($(origin TOKEN),command line)
override TOKEN := $(value TOKEN)
annotate-push annotate-pull: export LABEL_STUDIO_TOKEN := $(TOKEN)
endif

annotate-push: $(STAMP)  ## Put the exported tasks on the local server, or on URL=... with TOKEN=... or LABEL_STUDIO_TOKEN
	@python -m commands.annotate_push $(if $(URL_IS_GIVEN),--url="$$URL")

annotate-pull: $(STAMP)  ## Fetch the judgements into data/annotations/, from there likewise
	@python -m commands.annotate_pull $(if $(URL_IS_GIVEN),--url="$$URL")

annotate-report: $(STAMP)  ## Agreement and speed of the annotators; figures go to metrics/annotation.json
	@python -m commands.annotate_report

clean-venv:  ## Remove the virtual environment
	rm -rf $(VENV)
