# make crawl        crawl the environment `development`: a mock API with made-up data
# make check        run ruff, mypy, the layer test, the pure tests and 50 simulated lives (half a minute)
# make test         run ruff, mypy and all tests, also those that start processes (minutes)
# make simulate     live 20,000 simulated lives, or SEEDS=… of them; KIND=end, record, outage or crowd: one trouble each
# make liars        crawl simulated APIs that are not what the configuration says; CRAWLS=… of each (ten minutes)
# make mutants      run mutation tests of the modules that count and pace (up to an hour)
# make check-all    run the pure tests with Python 3.11, 3.12 and 3.13, as far as this machine has them
# make torture      kill a crawl 200 times, with every fault of an API, few descriptors, a slow disk and a full log
# make bench        measure lifestats and other crawlers, and write docs/benchmarks.md (a quarter of an hour)
# make bench-quick  run a short comparison, and print it (three minutes)
# make schema       write docs/schema anew, from the shapes of the JSON documents
# make lock         compile each requirements*.in into a .txt; UPGRADE=--upgrade renews the versions that no .in names
# make dist         build the wheel and the source archive, into dist/
# make audit        look up known vulnerabilities of every locked package; fail if a package cannot be looked up
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
ENV ?= development
UPGRADE ?=
SEEDS ?= 20000
KIND ?=
CRAWLS ?= 100
# Pure tests start no process.
PURE := --ignore=tests/promises
COMPILE = UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile --quiet --universal --generate-hashes \
	--python-version 3.11 $(UPGRADE)
# Scrapy looks into the home directory before it reads a project, and fails if an account has neither HOME nor a name.
KNOW_A_HOME = cp deploy/lifestats_home.pth "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

.PHONY: crawl check test simulate liars mutants check-all pure torture bench bench-quick schema lock dist audit clean
crawl: $(VENV)/.runtime
	$(BIN)/scrapy crawl lifestats -s ENV=$(ENV)

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	LIFESTATS_LIVES=50 $(BIN)/pytest $(PURE)

simulate: $(VENV)/.dev
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(if $(KIND),--kind $(KIND))

liars: $(VENV)/.dev
	$(BIN)/python -m tests.simulation --liars $(CRAWLS)
	$(BIN)/python -m tests.simulation --audits $(CRAWLS)
	$(BIN)/python -m tests.simulation --mix-ups $(CRAWLS)

mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants

check-all: $(VENV)/.dev
	@for version in 3.11 3.12 3.13; do \
		found=$$(python$$version -c 'import sys; print(sys.executable)' 2>/dev/null \
			|| ls "$$(pyenv prefix $$version 2>/dev/null)/bin/python$$version" 2>/dev/null) \
			|| { echo "Python $$version is not on this machine"; continue; }; \
		echo "Python $$version"; \
		$(MAKE) --no-print-directory pure VENV=$(VENV)-$$version PYTHON=$$found || exit 1; \
	done

pure: $(VENV)/.dev
	$(BIN)/pytest $(PURE)

torture: $(VENV)/.dev
	$(BIN)/python tests/promises/torture.py

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

bench-quick: $(VENV)/.bench
	$(BIN)/python -m benchmarks --quick

schema: $(VENV)/.dev
	$(BIN)/python -m tests.schemas

# The constraints (-c) give a package the same version in all four files. The version is that of requirements-dev.txt,
# or that of requirements-bench.in.
lock: $(VENV)/.dev
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -c requirements.txt -c requirements-bench.in -o requirements-dev.txt
	$(COMPILE) requirements-bench.in -c requirements.txt -c requirements-dev.txt -o requirements-bench.txt
	$(COMPILE) requirements-scrapyd.in -c requirements.txt -c requirements-dev.txt -o requirements-scrapyd.txt

# With the setuptools of the development packages: nothing is downloaded.
dist: $(VENV)/.dev
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist --clear

# Without --strict pip-audit exits with 0 although it has looked up nothing.
audit: $(VENV)/.dev
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.txt -r requirements-dev.txt \
		-r requirements-bench.txt -r requirements-scrapyd.txt

clean:
	rm -rf $(VENV)

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lifestats needs Python 3.11 or newer. Name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(BIN)/pip requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(KNOW_A_HOME)
	touch $@

$(VENV)/.dev: $(BIN)/pip requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(KNOW_A_HOME)
	touch $@ $(VENV)/.runtime

$(VENV)/.bench: $(BIN)/pip requirements-bench.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@
