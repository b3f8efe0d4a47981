# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint types imports spelling units reproduction lock clean

demo: $(VENV)/.core
	$(BIN)/caml analyse examples/cell.csv --out demo-results --overwrite
	@echo
	@echo "Open demo-results/cell/report.html; the clusters are in demo-results/cell/clusters.csv."

test: lint types imports spelling units reproduction

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

spelling: $(VENV)/.dev
	$(BIN)/codespell

# A test for each core; four hold some gigabytes of memory. Whole files where they can be, whose
# networks and cells are then made once.
units: $(VENV)/.dev
	$(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist worksteal

# All of reproduce/ on a few cells: that it works, not what it finds.
reproduction: $(VENV)/.dev
	rm -rf reproduce-quick
	$(BIN)/python reproduce/run.py --quick
	rm -rf reproduce-quick

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "caml needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	       "Try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Hashes are checked; --no-deps because the lock holds everything.
$(VENV)/.core: requirements/core.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/core.lock
	$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/dev.lock
	$(PIP) --no-deps --editable .
	@touch $@

# Writes both lock files anew; needs uv.
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade --quiet \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock:
	$(LOCK) pyproject.toml -o requirements/core.lock
	$(LOCK) pyproject.toml --extra dev -c requirements/core.lock -o requirements/dev.lock

clean:
	rm -rf $(VENV) demo-results .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
