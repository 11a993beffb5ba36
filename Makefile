# Each target sets up what it needs; from a fresh clone only Python, make and a package index are wanted.
# PYTHON=... chooses the interpreter (3.11 or newer).

PYTHON ?= python3
ARCH ?= arm64
RUNTIME ?= 3.13
SAM_CLI ?= 1.170.0
BIN := .venv/bin
READY := .venv/.ready
# Not a developer's own AWS account: everything here runs on this machine.
LOCAL := env -u AWS_PROFILE AWS_EC2_METADATA_DISABLED=true SAM_CLI_TELEMETRY=0
PYTEST := $(LOCAL) $(BIN)/pytest -n auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak build validate golden docs screens local-cloud clean lock

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "found $$($(PYTHON) --version 2>&1), expected Python 3.11 or newer; say PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (once; again when pyproject.toml changes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(READY)  ## collect sample CloudTrail logs in a local cloud and query them
	@$(LOCAL) $(BIN)/python -m infra.demo

test: $(READY)  ## the tests
	@$(PYTEST) -m "not soak"

check: $(READY)  ## what CI runs: lint, format, types, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(MAKE) --no-print-directory test

soak: $(READY)  ## the long fault tests, and a search for examples that break a property
	@$(LOCAL) $(BIN)/pytest -m soak --hypothesis-profile=search
	@$(PYTEST) -m "hypothesis and not soak" --hypothesis-profile=search

bench: $(READY)  ## speed, memory, cold start and cost
	@$(LOCAL) $(BIN)/python -m infra.bench

build:  ## the artefact for Lambda; ARCH=arm64 or x86_64, RUNTIME=3.13
	@$(PYTHON) infra/build.py --arch $(ARCH) --python $(RUNTIME)

lock:  ## functions/requirements.txt anew from pyproject.toml
	@$(PYTHON) infra/build.py --lock

# Called by `sam build`, which says where the artefact goes.
build-CollectFunction build-SweepFunction build-CompactFunction:
	@$(PYTHON) infra/build.py --arch $(ARCH) --python $(RUNTIME) --target "$(ARTIFACTS_DIR)"

# In an environment of its own: the SAM CLI pins libraries that the dev tools want newer.
.venv-sam/.ready: Makefile
	@$(PYTHON) -m venv .venv-sam
	@echo '*' > .venv-sam/.gitignore
	@echo "installing the SAM CLI into .venv-sam (once)"
	@.venv-sam/bin/python -m pip install --quiet --disable-pip-version-check 'aws-sam-cli==$(SAM_CLI)'
	@touch $@

validate: .venv-sam/.ready  ## the template, by the SAM CLI
	@$(LOCAL) .venv-sam/bin/sam validate --lint --region us-east-1 --template template.yaml

golden: $(READY)  ## expected rows of the golden cases anew, TABLE=... of one table; read the diff
	@$(BIN)/python -m infra.golden $(TABLE)

docs: $(READY)  ## the reference pages and the Glue tables, from the declarations
	@$(BIN)/python -m penstock.docs
	@$(BIN)/python -m infra.glue

screens: $(READY)  ## the pictures of the command line in docs/screens, from a real terminal (needs tmux)
	@$(BIN)/python -m infra.screens

local-cloud: $(READY)  ## keep a local cloud running and say how to use it; PORT=... to choose
	@$(LOCAL) $(BIN)/python -m infra.local_cloud up --port $(or $(PORT),5005)

clean:  ## everything that can be made again
	rm -rf .venv .venv-sam .aws-sam build dist .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis shared/penstock.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
