# The commands of this project. Everything runs in environments below this directory; nothing else is touched.

PYTHON ?= python3
VENV := .venv
SDK_VENV := .venv-sdk
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SDK_INSTALLED := $(SDK_VENV)/.installed

.PHONY: install demo test test-long fuzz check docs format bench protos clean

install: $(INSTALLED)  ## environment with all that the demo and the tests need

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Trunkline needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[examples,mount,postgres,docs,dev]'
	@touch $@

# The published client has an environment of its own, so that what it needs cannot change what we run with.
$(SDK_INSTALLED): Makefile
	$(PYTHON) -m venv $(SDK_VENV)
	$(SDK_VENV)/bin/pip install --quiet --disable-pip-version-check 'pachyderm-sdk[cdr]==2.12.2'
	@touch $@

demo: $(INSTALLED)  ## the image-quality story on real photos, on a server of its own
	@$(BIN)/python examples/image-quality/demo.py

test: check $(SDK_INSTALLED)  ## all checks and all tests
	$(BIN)/pytest -n 2 --dist worksteal

test-long: $(INSTALLED)  ## the stateful tests with a large budget, and 24 clients for a minute
	TRUNKLINE_HYPOTHESIS_PROFILE=long $(BIN)/pytest -o faulthandler_timeout=0 tests/stateful

fuzz: $(INSTALLED)  ## random input for every door, for SECONDS in all
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600)

check: $(INSTALLED)  ## format, lint, types, layers, and the documentation site
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	@$(MAKE) --no-print-directory docs

docs: $(INSTALLED)  ## the documentation site, into build/docs/index.html; a warning is an error
	$(BIN)/sphinx-build -q -E -W --keep-going -d build/doctrees docs build/docs

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED)  ## the figures of benchmarks/README.md
	$(BIN)/python benchmarks/run.py

protos: $(INSTALLED)  ## generate Python from the .proto files
	$(BIN)/python -m trunkline.proto.generate

clean:
	rm -rf $(VENV) $(SDK_VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
