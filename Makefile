# Two commands do all the set-up: `make demo` and `make test`. PYTHON is any Python from 3.11 on.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
SET_UP := pyproject.toml constraints.txt

.PHONY: demo test bench lint clean

demo: $(VENV)/plots.stamp
	$(BIN)/b2grid demo

# a file's tests stay together, so that projects and clusters that they share are made once; slow files come first.
# Three workers for two cores: tests of projects mostly wait for other processes
test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# ratios within one run, printed; nothing is asserted about them
bench: $(VENV)/test.stamp
	$(BIN)/python -m pytest -q tests/benchmarks

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

clean:
	rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("b2grid needs Python 3.11 or newer: try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# a stamp per set of extras: the environment is made again only when the requirements change
$(VENV)/%.stamp: $(SET_UP) | $(BIN)/python
	$(PIP) --editable '.[$*]'
	@touch $@
