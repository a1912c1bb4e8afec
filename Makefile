# make demo: from a fresh clone to an answered question. make test: what CI runs. See CONTRIBUTING.md.
PYTHON ?= python3.11
VENV := .venv
FRAMEWORKS := .venv-frameworks
BIN := $(VENV)/bin
DEMO := .demo

# Containers often forbid Python to write bytecode; the tests start hundreds of processes, and each would compile its
# libraries again: 12 seconds of processor for one that imports sentence-transformers.
export PYTHONDONTWRITEBYTECODE :=

QUESTION ?= How long is the refund window, and who pays for the return shipping?

.PHONY: help install demo test docs frameworks check-long bench lint types format clean

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

# Without bytecode: pip compiles every module of every package, a minute and more, and most are never imported here.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt

$(VENV)/installed: pyproject.toml constraints.txt
	$(if $(shell command -v $(PYTHON)),$(PYTHON),python3) -m venv $(VENV)
	$(PIP_INSTALL) torch
	$(PIP_INSTALL) --editable ".[dev]"
	@touch $@

# The MLflow server, wandb, Ray, bitsandbytes and Milvus Lite: more than a gigabyte, for check-long alone.
LONG := .venv-long
$(LONG)/installed: pyproject.toml constraints.txt
	$(if $(shell command -v $(PYTHON)),$(PYTHON),python3) -m venv $(LONG)
	$(LONG)/bin/python -m pip install --quiet --constraint constraints.txt torch
	$(LONG)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,mlflow,wandb,ray-train,qlora,milvus]" mlflow
	@touch $@

install: $(VENV)/installed ## make .venv with everything that development needs

demo: $(VENV)/installed ## ingest sample_docs and answer a question about them
	@rm -rf $(DEMO)
	$(BIN)/ragkit ingest sample_docs --data $(DEMO)
	@echo
	$(BIN)/ragkit ask "$(QUESTION)" --data $(DEMO)

lint: $(VENV)/installed ## ruff, and who may import whom (import-linter)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/installed ## mypy, strict
	$(BIN)/mypy

docs: $(VENV)/installed ## the documentation site, in docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

# How many seconds each reader is given damaged files; check-long gives each a minute.
FUZZ_SECONDS ?= 1

# The processes that read files write no bytecode, so each of them would compile the readers and their libraries again.
test: $(VENV)/installed ## ruff, import-linter, mypy, the documentation site and the tests
	$(BIN)/python -m compileall -q ragkit ingest/ragkit_ingest service/ragkit_service
	$(BIN)/python tests/support/reader_imports.py
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint types docs
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

frameworks: $(VENV)/installed ## the retrievers against LangChain, LlamaIndex and Haystack, in a venv of their own
	$(BIN)/python -m venv $(FRAMEWORKS)
	$(FRAMEWORKS)/bin/python -m pip install --quiet --constraint constraints.txt torch
	$(FRAMEWORKS)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[test-frameworks]" hypothesis pytest
	$(FRAMEWORKS)/bin/python -m pytest -p no:langsmith_plugin tests/integrations

check-long: $(VENV)/installed $(LONG)/installed ## the tests that take minutes to hours, and the figures of docs/evaluation.md
	FUZZ_SECONDS=60 $(BIN)/python -m pytest -n 2 --dist load --maxschedchunk 1 -m "not slow" tests/faults/test_loader_fuzz.py
	$(BIN)/python -m pytest -m "slow" -q
	$(LONG)/bin/python -m pytest -q tests/tracking tests/finetuning
	$(LONG)/bin/python -m pytest -q tests/index/test_milvus.py tests/index/test_contract.py
	$(BIN)/python -m tests.bench.evaluation

bench: $(VENV)/installed ## speed and memory against a plain script, into docs/performance.md
	$(BIN)/python -m tests.bench

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what the other targets made
	rm -rf $(VENV) $(FRAMEWORKS) $(LONG) $(DEMO) .bench dist docs/_build docs/pages .import_linter_cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
