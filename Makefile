# make repro: environment, pipeline, result table.  make test: the fast tests.  Both make what they need.
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
SHELL := bash
.DEFAULT_GOAL := help

PYTHON ?= python3
# The virtual environment. VENV=system installs into the interpreter PYTHON as it is (Colab, a container).
VENV ?= .venv
ifeq ($(VENV),system)
INSTALLED := .cache/system
SCRIPTS := $(shell $(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("scripts"))')
export PATH := $(CURDIR)/$(INSTALLED):$(SCRIPTS):$(PATH)
else
INSTALLED := $(VENV)
export PATH := $(abspath $(VENV))/bin:$(PATH)
endif
STAMP := $(INSTALLED)/.installed
LABEL_STUDIO := .cache/label-studio-venv
export HF_HUB_DISABLE_TELEMETRY := 1
export DVC_NO_ANALYTICS := 1
export TOKENIZERS_PARALLELISM := false

# What a user gives reaches the commands through the environment, as it is: recipes say "$$NAME", never the value
# itself, so that no shell and no make interprets it.
URL_IS_GIVEN := $(filter command line,$(origin URL))
GIVEN := A B CONTACT CORPUS DOC ENDPOINT FILE FORMAT FROM HELD_OUT K LANGS LICENSE LICENSES MAX_PAGES MIN_SCORE MODEL MODELS NAME OUT \
  PORT SINCE SITE SOURCES TEXT UNTIL URL
$(foreach name,$(GIVEN),$(if $(value $(name)),$(eval override export $(name) := $$(value $(name)))))
# $(call need,NAMES,EXAMPLE): stop with an example where one of the variables is not given.
need = $(foreach name,$1,$(if $($(name)),,$(error error: $(name) is missing; example: make $@ $2)))
# $(call option,--flag,NAME): the option, where the variable is given.
option = $(if $($2),$1="$$$2")

.PHONY: $(shell sed -nE 's/^([a-z-]+):.*/\1/p' Makefile)

help:
	@sed -nE -e 's/^#=+ (.*)/\n\1/p' -e 's/^([a-z-]+):.*## /  \1\t/p' Makefile | expand -t 18

#== For users

repro: $(STAMP)  ## Run the pipeline and print the result table
	python -m commands.check
	dvc repro
	python -m commands.results table

test: $(STAMP)  ## Run the fast tests (no network)
	python -m pytest --numprocesses=auto --maxprocesses=4

results: $(STAMP)  ## Print the result table of the last run [FORMAT=md: for a paper]
	@python -m commands.results table $(call option,--format,FORMAT)

experiments: $(STAMP)  ## Show experiments: changed parameters beside figures, pretrained and fine-tuned [MODEL=use]
	@python -m commands.experiments show $(call option,--model,MODEL)

compare: $(STAMP)  ## Test two experiments query by query: A=main B=workspace (experiments, branches, commits)
	@$(call need,A B,A=main B=workspace; dvc exp list names the experiments)python -m commands.results compare -- "$$A" "$$B"

trials: $(STAMP)  ## Run trials and grids of assets/experiments.yaml [NAME="rank lr", every trial by default; MODELS="use use_tr"]
	@read -ra names <<< "$${NAME:-}"
	read -ra models <<< "$${MODELS:-}"
	python -m commands.experiments run $(if $(MODELS),--models "$${models[@]}") -- "$${names[@]}"

search: $(STAMP)  ## Find the nearest sentences of the other language in the corpus: TEXT="..." [FROM=ru K=5 MODEL=use_tr]
	@$(call need,TEXT,TEXT="Сохранить изменения")python -m commands.explore search $(call option,--lang,FROM) \
	  $(call option,--k,K) $(call option,--model,MODEL) -- "$$TEXT"

demo: $(INSTALLED)/.demo-installed  ## Search and translate on a page in the browser, with any available model [PORT=...]
	@python -m commands.explore demo $(call option,--port,PORT)

align-view: $(STAMP)  ## Show how a document was aligned, as a page: DOC=udhr or a document's name
	@$(call need,DOC,DOC=udhr (or a document, as pairs name it))python -m commands.explore align-view -- "$$DOC"

add: $(STAMP)  ## Add a corpus of your own: FILE=pairs.tsv (.csv, .tmx, a folder, "a.ru a.tk") [NAME=... LICENSE=MIT HELD_OUT=0.1]
	@$(call need,FILE,FILE=pairs.tsv)read -ra files <<< "$$FILE"
	python -m commands.add $(call option,--name,NAME) $(call option,--license,LICENSE) \
	  $(call option,--held-out,HELD_OUT) -- "$${files[@]}"

crawl: $(STAMP)  ## Crawl a site: SITE=turkmenportal|orient|uzedu CONTACT=you@example.org [SINCE=2024-01-01 UNTIL=... MAX_PAGES=... LANGS="ru tk"]
	@$(call need,SITE,SITE=turkmenportal CONTACT=you@example.org)read -ra langs <<< "$${LANGS:-}"
	python -m crawler --site="$$SITE" $(call option,--contact,CONTACT) $(call option,--since,SINCE) \
	  $(call option,--until,UNTIL) $(call option,--max-pages,MAX_PAGES) $(if $(LANGS),--langs "$${langs[@]}")
	dvc add "data/crawl/$$SITE.jsonl.gz" $(if $(filter uzedu,$(SITE)),$$(ls -d data/crawl/uzedu 2>/dev/null || true))
	# A stage of the matrix cannot depend on a crawl that may be absent: collect it anew where it is listed.
	if python -c 'import os, sys, yaml; sys.exit(os.environ["SITE"] not in yaml.safe_load(open("params.yaml"))["sources"])'; then
	  dvc repro --force --single-item "collect@$$SITE"
	fi

annotate-export: $(STAMP)  ## Choose pairs for people to judge and write them as Label Studio tasks
annotate-push: $(STAMP)  ## Push the tasks to a Label Studio server [URL=https://... TOKEN=...: one that others run]
annotate-pull: $(STAMP)  ## Pull the judgements from the server into data/annotations/ [URL=... TOKEN=...]
annotate-report: $(STAMP)  ## Report the annotators' agreement and speed, and list the tied pairs
annotate-export annotate-push annotate-pull annotate-report:
	@python -m commands.annotate $(@:annotate-%=%) $(if $(and $(URL_IS_GIVEN),$(filter %push %pull,$@)),--url="$$URL")

# The token reaches the command by the environment: other users can read a command line. Variables TOKEN and URL of
# the environment may have another purpose, so they are not taken.
ifeq ($(origin TOKEN),command line)
override TOKEN := $(value TOKEN)
annotate-%: export LABEL_STUDIO_TOKEN := $(TOKEN)
endif

label-studio: $(STAMP) $(LABEL_STUDIO)/.installed  ## Run a Label Studio server here with the exported tasks [PORT=...]
	python -m commands.annotate server $(call option,--port,PORT)

export: $(STAMP)  ## Write the corpus for others: FORMAT=tsv|moses|tmx|jsonl|hf [MIN_SCORE=0.5 SOURCES="a b" LICENSES="MIT ..." RESTRICTED=1 CORPUS=... SPLITS=... OUT=...]
	@$(call need,FORMAT,FORMAT=tsv (or moses, tmx, jsonl, hf))python -m commands.share export --format="$$FORMAT" \
	  $(call option,--corpus,CORPUS) $(call option,--splits,SPLITS) $(call option,--out,OUT) \
	  $(call option,--min-score,MIN_SCORE) \
	  $(call option,--sources,SOURCES) $(call option,--licenses,LICENSES) $(if $(RESTRICTED),--with-restricted)

remote: $(STAMP)  ## Set the DVC remote for sharing: URL=folder|s3://...|ssh://...|https://... [ENDPOINT=https://...]
	@$(call need,URL,URL=/path (or s3://bucket/path, ssh://host/path, https://host/path))python -m commands.share \
	  remote --url="$$URL" $(call option,--endpoint,ENDPOINT)

share: $(STAMP)  ## Push data and run cache to the remote, and tag this version of the corpus in git
	python -m commands.share push

save-model: $(STAMP)  ## Save a fine-tuned model, adapter merged, for others to load: MODEL=use_tr [OUT=...]
	@$(call need,MODEL,MODEL=use_tr (a fine-tuned one of params.yaml))python -m commands.share save-model \
	  --model="$$MODEL" $(call option,--out,OUT)

#== For maintainers

install: $(STAMP)  ## Make the virtual environment (.venv); engine-install adds Ray, label-studio-install the server

test-slow: $(STAMP)  ## Run the tests that need servers, a browser or minutes
	python -m pytest -m slow --numprocesses=auto --maxprocesses=4 --dist=loadfile

lint: $(STAMP)  ## Check style and format
	ruff check .
	ruff format --check .

bench: $(INSTALLED)/.engine-installed  ## Run every speed benchmark; figures go to metrics/bench/
	for file in bench/[a-z]*.py; do
	  name=$$(basename "$$file" .py)
	  python -m "bench.$$name" --out "metrics/bench/$$name.json"
	done

benchmarks: $(STAMP)  ## Evaluate the default adapters on NTREX, FLORES and STS, and at several strengths (web access or KOPRI_MIRROR)
	python -m commands.benchmarks evaluate
	python -m commands.benchmarks strengths

fingerprints: $(STAMP)  ## Rewrite the benchmark fingerprints (KOPRI_MIRROR)
	python -m commands.benchmarks fingerprints

readme: $(STAMP)  ## Rewrite the figures of README.md and docs/ from metrics/
	python -m commands.readme

nllb-mini: $(STAMP)  ## Train assets/nllb_mini from scratch, after make repro; Debian's apt-get and an hour or more, resumable
	python -m commands.nllb_mini

engine-install: $(INSTALLED)/.engine-installed
demo-install: $(INSTALLED)/.demo-installed
label-studio-install: $(LABEL_STUDIO)/.installed

PIP := python -m pip install --quiet --disable-pip-version-check

$(STAMP): requirements.txt constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else f"error: Python 3.11 or newer is needed, {sys.executable} is {v[0]}.{v[1]}; run make PYTHON=python3.11 ...")'
ifeq ($(VENV),system)
	mkdir -p $(INSTALLED)
	printf '#!/bin/sh\nexec "%s" "$$@"\n' "$$($(PYTHON) -c 'import sys; print(sys.executable)')" > $(INSTALLED)/python
	chmod +x $(INSTALLED)/python
else
	$(PYTHON) -m venv $(VENV)
endif
	python commands/install.py --work $(INSTALLED)/lists
	touch $(STAMP)

# Optional parts of the same environment: Ray, whose workers compute with its packages, and gradio.
$(INSTALLED)/.engine-installed: requirements-ray.txt
$(INSTALLED)/.demo-installed: requirements-demo.txt
$(INSTALLED)/.engine-installed $(INSTALLED)/.demo-installed: $(STAMP)
	$(PIP) -r $(filter requirements-%,$^) -c $(INSTALLED)/lists/constraints.txt
	touch $@

# The Label Studio server in an environment of its own: its requirements do not go together with ours.
$(LABEL_STUDIO)/.installed: requirements-label-studio.txt
	$(PYTHON) -m venv $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/$(PIP) -r $<
	touch $@
