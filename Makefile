# Everything installs into .venv by itself, once: a stamp stands for what pyproject.toml asked for.
# PYTHON=... chooses the interpreter for .venv; any of 3.11 to 3.13 does.

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# bytecode is compiled at installation, whatever PYTHONDONTWRITEBYTECODE says later
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
WORKERS ?= 2

# what the panel is built from; NPM is empty where there is no Node
NPM := $(shell command -v npm)
PANEL := $(shell find extension/src extension/style extension/schema -type f) \
	extension/package.json extension/package-lock.json extension/tsconfig.json

.PHONY: help demo test check bench lab soak format clean

help:  ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

$(VENV)/core.stamp: pyproject.toml
	@test -n "$(PYTHON)" || { echo "nbprod needs Python 3.11, 3.12 or 3.13: none was found on PATH (or say make PYTHON=/path/to/python)"; exit 1; }
	@echo "installing into $(VENV) (once; a few minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null  # a .venv that uv made has none
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.6'
	@export SKIP_JUPYTER_BUILDER=1; $(UV) -e . || $(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@$(BIN)/python -m compileall -q nbprod || true  # an installer compiles what it installs, but not this folder
	@touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	@$(UV) --group dev || { \
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1' && $(BIN)/python -m pip install --quiet --group dev; }
	@touch $@

# jupyter-builder asks npm for nothing once node_modules is there
extension/node_modules/stamp: extension/package-lock.json
ifeq ($(NPM),)
	@echo "npm was not found: the JupyterLab panel is not built (install Node 20 or newer)"
else
	@echo "installing what the panel is built with (once; a minute or two)"
	@cd extension && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
endif

$(VENV)/panel.stamp: $(VENV)/core.stamp extension/node_modules/stamp $(PANEL)
ifneq ($(NPM),)
	@cd extension && PATH="$(abspath $(BIN)):$$PATH" npm run --silent build:prod >../$(VENV)/panel.log 2>&1 \
		|| { cat ../$(VENV)/panel.log; exit 1; }
	@$(BIN)/jupyter-builder develop . --overwrite >>$(VENV)/panel.log 2>&1 || { cat $(VENV)/panel.log; exit 1; }
	@touch $@
endif

demo: $(VENV)/core.stamp  ## Notebook to answering service: check, run, sweep, promote, serve, predict
	@$(BIN)/python -m nbprod.demo

# the panel is tested in a Chromium: the system's, else Debian's package (as root), else Playwright's own
$(VENV)/browser.stamp: $(VENV)/dev.stamp
	@if test -z "$$NBPROD_CHROMIUM" && ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null \
	&& ! command -v google-chrome >/dev/null; then \
		echo "installing Chromium (once)"; \
		{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get -qq update >/dev/null && \
		  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null; } \
		|| $(BIN)/playwright install chromium >/dev/null \
		|| echo "no Chromium: the tests of the panel in a browser are left out"; \
	fi
	@touch $@

# exported alert rules are tested in a Prometheus: the system's, else Debian's package, unpacked here, so that nothing is started
$(VENV)/prometheus.stamp: $(VENV)/core.stamp
	@if test -z "$$NBPROD_PROMETHEUS" && ! command -v prometheus >/dev/null; then \
		echo "fetching Prometheus (once)"; mkdir -p $(VENV)/prometheus; cd $(VENV)/prometheus; \
		fetch() { apt-get -qq download prometheus >/dev/null 2>&1; }; \
		{ command -v dpkg-deb >/dev/null && { fetch || { apt-get -qq update >/dev/null 2>&1; fetch; }; } \
		  && dpkg-deb -x prometheus*.deb . && rm prometheus*.deb; } \
		|| echo "no Prometheus: the tests of exported alert rules are left out"; \
	fi
	@touch $@

# what the Prometheus operator and KServe take, from their packages: exported manifests are compared with it
$(VENV)/schemas.stamp: $(VENV)/core.stamp
	@mkdir -p $(VENV)/schemas
	@test -z "$(NPM)" || npm install --silent --prefix $(VENV)/schemas --ignore-scripts --no-audit --no-fund \
		@kubernetes-models/prometheus-operator@6.0.0 >/dev/null 2>&1 || echo "no schemas of the Prometheus operator"
	@$(BIN)/uv pip install --quiet --target $(VENV)/schemas/kserve --no-deps kserve==0.21.0 || echo "no schemas of KServe"
	@touch $@

test: $(VENV)/dev.stamp $(VENV)/panel.stamp $(VENV)/browser.stamp $(VENV)/prometheus.stamp $(VENV)/schemas.stamp  ## Run the tests
	@test -z "$(NPM)" || { cd extension && npm test --silent; }
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

check: $(VENV)/dev.stamp extension/node_modules/stamp  ## Lint, form, types, import layers
	@status=0; \
	$(BIN)/ruff check --quiet --output-format concise . || status=1; \
	$(BIN)/ruff format --quiet --check . || { echo "make format puts it in form"; status=1; }; \
	$(BIN)/mypy || status=1; \
	$(BIN)/lint-imports --no-logo || status=1; \
	test -z "$(NPM)" || { cd extension && npm run --silent lint; } || status=1; \
	exit $$status

$(VENV)/bench.stamp: $(VENV)/dev.stamp
	@$(UV) --group bench || $(BIN)/python -m pip install --quiet --group bench
	@touch $@

bench: $(VENV)/bench.stamp  ## Measure what is claimed about speed
	@$(BIN)/python -m benchmarks

lab: $(VENV)/panel.stamp  ## Open JupyterLab with the examples
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks

soak: $(VENV)/dev.stamp $(VENV)/panel.stamp $(VENV)/browser.stamp  ## Random notebooks against a fresh kernel, for SECONDS (600); the wheel in empty environments
	@$(BIN)/python -m tests.soak $(or $(SECONDS),600)
	@$(BIN)/python -m pytest -q tests/installed.py

format: $(VENV)/dev.stamp  ## Put the code in form
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .
	@test -z "$(NPM)" || { cd extension && npm run --silent format; }

clean:  ## Remove what was built (not .nbprod: that is your work)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist
	@rm -rf nbprod/labextension extension/node_modules extension/lib extension/tsconfig.tsbuildinfo
