# make crawl    crawl the development environment (a mock API with made-up data)
# make test     ruff, mypy, doctests and the whole test suite
# make torture  200 kills of a crawl of an API with every fault (ten minutes)
# make bench    lifestats beside other ways to do its job, into docs/benchmarks.md (a quarter of an hour)
# make bench-quick  the same in three minutes, printed only
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
ENV ?= development

.PHONY: crawl test torture bench bench-quick clean
crawl: $(VENV)/.runtime
	$(BIN)/scrapy crawl lifestats -s ENV=$(ENV)

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

torture: $(VENV)/.dev
	$(BIN)/python tests/torture.py

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

bench-quick: $(VENV)/.bench
	$(BIN)/python -m benchmarks --quick

clean:
	rm -rf $(VENV)

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lifestats needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(BIN)/pip requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev: $(BIN)/pip requirements.txt requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/.runtime

$(VENV)/.bench: $(BIN)/pip requirements.txt requirements-bench.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@
