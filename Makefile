# Every chore has one name. `make check` is what CI runs; it sets everything up from nothing.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON_VERSION := $(shell cat .python-version)
# No option of the caller's own Python or uv set-up may leak into the environments made here.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE
export UV_NO_CONFIG := 1
# SAM looks for an interpreter of the Lambda runtime, with pip, on the PATH: the tools have it.
TOOLS_PATH := $(CURDIR)/.tools/bin
export SAM_CLI_TELEMETRY := 0

UV := .uv/bin/uv
BIN := .venv/bin
DEV := .venv/.stamp
TOOLS := .tools/.stamp
GATEWAYS := .bench/.stamp
BROWSER := .browser/.stamp
SOURCES := shared world functions tests scripts $(wildcard benchmarks)
WORKERS ?= 2
SCHEDULES ?= 20000

LOCKS := shared/requirements.txt requirements/dev.txt requirements/tools.txt
STRICT ?=
CHROMIUM ?=
SCREENSHOTS ?=
TRACE ?=
STACK ?=
CONFIG_ENV ?= default

.DEFAULT_GOAL := help

## help: say what each target does (the default)
.PHONY: help
help:
	@sed -n 's/^## //p' Makefile | awk -F': ' '{printf "  %-10s %s\n", $$1, $$2}'

## setup: make .venv from the locked requirements
.PHONY: setup
setup: $(DEV)

## tools: make .tools, the environment of SAM and of the local AWS emulator
.PHONY: tools
tools: $(TOOLS)

$(UV): requirements/bootstrap.txt
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
	  --require-hashes --only-binary :all: --target .uv --upgrade -r $<
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml .python-version $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON_VERSION) .venv
	VIRTUAL_ENV=.venv $(UV) pip sync --quiet --require-hashes requirements/dev.txt
	VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(TOOLS): requirements/tools.txt .python-version $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON_VERSION) .tools
	VIRTUAL_ENV=.tools $(UV) pip sync --quiet --require-hashes requirements/tools.txt
	@touch $@

$(GATEWAYS): requirements/gateways.txt .python-version $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON_VERSION) .bench
	VIRTUAL_ENV=.bench $(UV) pip sync --quiet --require-hashes requirements/gateways.txt
	@touch $@

$(BROWSER): requirements/browser.txt .python-version $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON_VERSION) .browser
	VIRTUAL_ENV=.browser $(UV) pip sync --quiet --require-hashes requirements/browser.txt
	@touch $@

## fmt: format the code and mend what ruff can
.PHONY: fmt
fmt: $(DEV)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

## lint: ruff, import contracts, cfn-lint and `sam validate --lint`
.PHONY: lint
lint: $(DEV) $(TOOLS)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/cfn-lint template.yaml spoke/template.yaml
	PATH="$(TOOLS_PATH):$$PATH" sam validate --lint --template template.yaml --region us-east-1

## types: mypy, strict
.PHONY: types
types: $(DEV)
	$(BIN)/mypy

## test: all tests but the soak; WORKERS=N runs N at once
.PHONY: test
test: $(DEV) $(TOOLS)
	$(BIN)/pytest -m "not soak" --numprocesses $(WORKERS) --dist loadgroup

## coverage: branch coverage of domain and application; below 95 % it fails
.PHONY: coverage
coverage: $(DEV)
	$(BIN)/pytest tests/unit/domain tests/unit/application tests/unit/cli tests/contract tests/functions \
	  -m "not soak and not emulator" --numprocesses $(WORKERS) --dist loadgroup --cov --cov-report=
	$(BIN)/coverage report --fail-under=95 \
	  --include='*/bedrock_autoscaler/domain/*,*/bedrock_autoscaler/application/*'

## check: everything that must pass before a change lands
.PHONY: check
check: lint types secrets test

## build: the functions and the layer, trimmed and compiled, into .aws-sam
.PHONY: build
build: $(DEV) $(TOOLS)
	PATH="$(TOOLS_PATH):$$PATH" sam build --cached --parallel
	$(BIN)/python -m bedrock_world.layer .aws-sam/build

## demo: a day of traffic through the deployed application; TRACE=file replays a real one
.PHONY: demo
demo: $(DEV) $(TOOLS)
	$(BIN)/bedrock-autoscaler demo $(if $(TRACE),--trace "$(TRACE)")

## bench: score the policy on the traces, and the classifier on labelled ones; SAMPLE=12 takes a few
.PHONY: bench
bench: $(DEV)
	$(BIN)/python -m benchmarks
ifeq ($(SAMPLE),)
	$(BIN)/python -m benchmarks.classifier
else
# So few seeds may miss a bound by chance: shown, and not an error.
	-$(BIN)/python -m benchmarks.classifier 2
endif

## gateways: the client beside LiteLLM: its tests there, its overhead, a burst through the table
.PHONY: gateways
gateways: export PYTHONPATH := $(CURDIR)/shared:$(CURDIR)/world:$(CURDIR)
gateways: export LITELLM_LOCAL_MODEL_COST_MAP := True
gateways: export LLMETER_DISABLE_ALL_PROGRESS_BARS := 1
gateways: $(GATEWAYS)
	.bench/bin/pytest -q -p no:cacheprovider tests/client/test_litellm.py tests/client/test_litellm_proxy.py \
	  tests/client/test_asynchronous.py tests/client/test_load.py
	.bench/bin/python -W ignore -m benchmarks.client_overhead
	.bench/bin/python -W ignore -m benchmarks.burst_routing

## check-browser: the review page in Chromium; skipped with a word where there is none
.PHONY: check-browser
check-browser: $(DEV) $(BROWSER)
	.browser/bin/python scripts/check_browser.py $(BIN)/python $(if $(STRICT),--strict) \
	  $(if $(CHROMIUM),--chromium "$(CHROMIUM)") $(if $(SCREENSHOTS),--folder "$(SCREENSHOTS)")

## soak: the long runs of simulated faults; SCHEDULES=n says how many, KEPT=file keeps their counts
.PHONY: soak
soak: $(DEV)
	$(BIN)/python -m tests.simulation soak $(SCHEDULES) --jobs $(WORKERS) $(if $(KEPT),--json $(KEPT))

## soak-apart: the same where persons act, messages hand targets out, and on the wire (moto)
.PHONY: soak-apart
soak-apart: $(DEV)
	$(BIN)/python -m tests.simulation apart --jobs $(WORKERS)

## soak-tests: the other long tests: a fleet and a commitment on the emulator, properties tried harder
.PHONY: soak-tests
soak-tests: $(DEV) $(TOOLS)
	$(BIN)/pytest -m soak
	$(BIN)/pytest --hypothesis-profile=soak tests/unit/domain/test_properties*.py

## faults: the schedules of `make check` alone, with the table of (call, fault, scenario)
.PHONY: faults
faults: $(DEV)
	$(BIN)/python -m tests.simulation run --table --jobs $(WORKERS)
	$(BIN)/python -m tests.simulation recovery

## audit: known vulnerabilities in the locks (or `not run`), secrets, unsafe constructs, policies
.PHONY: audit
audit: $(DEV) $(TOOLS) secrets
	.tools/bin/python scripts/audit.py $(if $(STRICT),--strict) $(LOCKS)
	$(BIN)/ruff check --select S $(SOURCES)
	$(BIN)/pytest --quiet -m "not emulator" tests/deployment

# Values that stand where a secret would, in tests, benchmarks and the local emulator; nobody checks
# them. A new one is added here, so that no other value passes by accident.
FAKE_SECRETS := ^(local|measured|testing)$$
# Hashes of the transcripts of simulated schedules.
DIGESTS := ^benchmarks/results/simulation[a-z-]*\.json$$
# The commit that a result was made from.
COMMIT_LINE := ^ *"commit": "[0-9a-f]{12}",$$

## secrets: what looks like a credential in any file of the repository
.PHONY: secrets
secrets: $(TOOLS)
	git ls-files -z | xargs -0 .tools/bin/detect-secrets-hook --no-verify \
	  --exclude-files '(^|/)requirements(\.txt$$|/)|$(DIGESTS)' --exclude-secrets '$(FAKE_SECRETS)' \
	  --exclude-lines '$(COMMIT_LINE)'

## sbom: the bill of materials of the layer, in CycloneDX, into dist/sbom.json
.PHONY: sbom
sbom: $(TOOLS)
	mkdir -p dist
	.tools/bin/cyclonedx-py requirements --output-reproducible --pyproject pyproject.toml \
	  --output-file dist/sbom.json shared/requirements.txt

## lock: resolve the requirements again and pin them with hashes
.PHONY: lock
lock: $(UV)
	@for pair in requirements/bootstrap:requirements/bootstrap requirements/layer:shared/requirements \
	    requirements/dev:requirements/dev requirements/tools:requirements/tools \
	    requirements/gateways:requirements/gateways requirements/browser:requirements/browser; do \
	  $(UV) pip compile --quiet --generate-hashes --no-header --universal \
	    --python-version $(PYTHON_VERSION) $${UPGRADE:+--upgrade} "$${pair%%:*}.in" -o "$${pair##*:}.txt"; done

## deploy: build and deploy to AWS as samconfig.toml says; CONFIG_ENV=name picks another section, STACK=name another stack
.PHONY: deploy
deploy: build
	PATH="$(TOOLS_PATH):$$PATH" sam deploy --config-env $(CONFIG_ENV) $(if $(STACK),--stack-name $(STACK))

## clean: remove what was built; `make distclean` also removes the environments
.PHONY: clean
clean:
	rm -rf .aws-sam build dist out htmlcov .coverage .coverage.* .mypy_cache .pytest_cache \
	  .ruff_cache .hypothesis .import_linter_cache
	find shared world functions tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean
	rm -rf .venv .tools .bench .browser .uv
