# The commands of README.md. Everything happens in .venv, so that nothing else is touched.
PYTHON ?= python3.11
VENV   ?= .venv
BIN     = $(VENV)/bin

# One file stands for "the environment is as pyproject.toml says".
READY = $(VENV)/.ready

.PHONY: demo test lint verify mutants bench clean

demo: $(READY)
	$(BIN)/autograder demo

# A process for each core, but not more than there is memory and work for; tests/conftest.py shares
# the tests out.
test: $(READY) lint
	$(BIN)/python -m pytest -n logical --maxprocesses 4

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/autograder release --check

verify: $(READY)
	$(BIN)/autograder verify

# How strong the units' tests are; `make mutants UNITS=02` for some of them.
mutants: $(READY)
	$(BIN)/python tests/mutation/run.py $(UNITS)

bench: $(READY)
	$(BIN)/python tests/benchmarks/throughput.py
	$(BIN)/python tests/benchmarks/realistic.py
	$(BIN)/python tests/benchmarks/one_submission.py
	$(BIN)/python tests/benchmarks/confinement.py
	$(BIN)/python tests/benchmarks/second_device.py

clean:
	rm -rf $(VENV)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(READY)
