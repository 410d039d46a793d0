# Two commands for a fresh machine with Python 3.11+ and make:
#   make quickstart   sets up, runs the main job on real input, writes to quickstart/
#   make test         sets up, passes the tests
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: quickstart test test-slow lint docs bench clean

quickstart: $(READY)
	$(BIN)/pkpd quickstart --out quickstart

test: $(READY)
	$(BIN)/python -m pytest -n auto -m "not slow" $(PYTEST)

test-slow: $(READY)
	$(BIN)/python -m pytest -n auto -m slow

lint: $(READY)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

# The site, in build/docs/index.html; DOCS=--plain leaves out the figures and the runs of the gallery, which take minutes.
docs: $(READY)
	$(BIN)/python docs/assemble.py build/docs_source $(DOCS)
	$(BIN)/python -m sphinx -q -W --keep-going -c docs build/docs_source build/docs
	@echo "open build/docs/index.html"

# A peer that does not install is named as absent; BENCH=--quick for a few minutes.
bench: $(READY)
	$(BIN)/python -m benchmarks.install
	$(BIN)/python -m benchmarks $(BENCH)

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pkpd needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info quickstart .pytest_cache .mypy_cache .ruff_cache
