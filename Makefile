# make demo: install and run the main job. make test: install and run the default test suite.
# Installing happens once; it is repeated only when pyproject.toml or constraints.txt change.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TOP := plugins bridge agent federation scenarios evaluation
NAMESPACE := build/namespace
# Errors only: a pip of today tells all that a build backend warns of.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
# Tests import a fraction of what they install: it is compiled when it is first imported, and that is
# kept, also where the environment says not to keep it (then torch alone takes 2 s longer each time).
PIP_TESTS := $(PIP) --no-compile
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test slow check site bench version clean

demo: $(VENV)/.installed
	$(BIN)/fedxr demo $(ARGS)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# One namespace (setup.py), as folders, for those who read source instead of importing it.
	@rm -rf $(NAMESPACE) && mkdir -p $(NAMESPACE)/fedxr && ln -s $(CURDIR)/fedxr/* $(NAMESPACE)/fedxr/
	@ln -s $(foreach top,$(TOP),$(CURDIR)/$(top)) $(NAMESPACE)/fedxr/ && ln -s $(CURDIR)/unity_project $(NAMESPACE)/
	cd $(NAMESPACE) && $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml
	cd $(NAMESPACE) && $(abspath $(BIN))/lint-imports --config $(CURDIR)/pyproject.toml
	$(BIN)/python -m fedxr.bridge.client_tables --check

site: $(VENV)/.installed-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build $(ARGS)

bench: $(VENV)/.installed-test
	@set -e; for name in start bridge recording live_page live_learning unity unity_core unity_scenes sensors plausible gossip cohort serving pretraining kills hostile webxr first_time simulated_worlds ridge_features fresh_people cold they_differ recorded own_data corrections; do \
		echo "== benchmarks/$$name.py"; $(BIN)/python -m benchmarks.$$name $(ARGS); \
	done
	@echo "== benchmarks/load.py"; $(BIN)/python -m benchmarks.load --seconds 66

# make version V=1.2.3: the version at every place that says it.
version:
	$(PYTHON) .github/release.py set "$(V)"

clean:
	rm -rf $(VENV) build dist *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "fedxr needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
		echo "Install one and say which: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# A pip of today finds what goes together in half the time of the one that Python brings.
	$(PIP) --upgrade pip

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e ".[study]"
	@touch $@

$(VENV)/.installed-test: $(BIN)/python pyproject.toml constraints.txt
	$(PIP_TESTS) -e ".[test,docs,unity,sensors]"
	@touch $(VENV)/.installed $@

$(VENV)/.installed-dev: $(BIN)/python pyproject.toml constraints.txt
	$(PIP_TESTS) -e ".[test,docs,unity,sensors,dev]"
	@touch $(VENV)/.installed $(VENV)/.installed-test $@
