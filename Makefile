# Every target sets up what it needs: the virtual environment from the committed locks and the real servers that
# tests and the demo talk to. Needed before: git, make, python3 (3.11 or later) with venv.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 4
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime.stamp
DEV := $(VENV)/.dev.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
SERVERS := $(PYTHON) tools/servers.py
CLIENTS := $(BIN)/python tools/clients.py
# A run of the tests ends by itself, in less than 90 minutes together with all the rest, and says what hung.
TESTS := $(PYTHON) tools/bounded.py --seconds 4200 $(BIN)/python -m pytest
AGAIN := $(PYTHON) tools/bounded.py --seconds 600 $(BIN)/python -m pytest

# Some hundred processes are started by the tests: compiled modules are kept, whatever the caller's shell says.
unexport PYTHONDONTWRITEBYTECODE

# Each of them runs, so that one run tells all that is wrong. `make test` runs them beside the tests and tells at the end.
CHECKS = status=0; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/ruff format --check --quiet . || { echo "Not formatted: run \`make format\`."; status=1; }; \
	$(BIN)/mypy || status=1; \
	$(BIN)/lint-imports --no-logo || status=1;

.DEFAULT_GOAL := help
.PHONY: help demo test matrix coverage histories check format test-live fuzz replicas docs-check lock audit sbom page clean servers clients reference
.DELETE_ON_ERROR:

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## Start a local Slack workspace with Shipmate in it (PORT=8055, NO_BROWSER=1); Ctrl-C ends it
	@$(SERVERS) ensure prometheus alertmanager >/dev/null
	@exec $(BIN)/shipmate demo --prometheus "$$($(SERVERS) path prometheus 2>/dev/null)" \
		--alertmanager "$$($(SERVERS) path alertmanager 2>/dev/null)" \
		$(if $(PORT),--port $(PORT)) $(if $(NO_BROWSER),--no-browser)

test: $(DEV) servers clients ## Run all checks and all tests, whatever the first say: what .ci/run runs
	@{ $(CHECKS) exit $$status; } >$(VENV)/.checks.log 2>&1 & checks=$$!; status=0; \
	$(TESTS) -n $(WORKERS) --dist worksteal --cov --cov-report=term || { \
		[ $$? -eq 1 ] && \
		echo "Once more, alone, what failed: on a busy machine a deadline may pass. What passes only now is worth an issue." && \
		$(AGAIN) --last-failed --last-failed-no-failures none; } || status=1; \
	wait $$checks || status=1; \
	cat $(VENV)/.checks.log; \
	exit $$status

matrix: $(DEV) ## Ask for every command in every way for everybody, and compare with the policy: the suite asks for some
	SHIPMATE_MATRIX=whole $(BIN)/python -m pytest -n0 tests/matrix

coverage: $(DEV) servers clients ## As test, without checks, and tell what the tests and the processes they start ran: takes longer
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-config=tools/coverage.toml --cov-report=term

.PHONY: crash
crash: $(DEV) servers ## Kill Shipmate before and after each write and call, then by chance: SEED=, ROUNDS=200, STORY=; takes hours
	$(BIN)/python -m tests.crash every $(if $(STORY),--story $(STORY))
	$(BIN)/python -m tests.crash rounds --rounds $(or $(ROUNDS),200) $(if $(SEED),--seed $(SEED)) $(if $(STORY),--story $(STORY))

check: $(DEV) ## Run the linters, the type checker and the import contracts
	@$(CHECKS) \
	exit $$status

format: $(DEV) ## Format the code
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

test-live: $(DEV) ## Run the contract suites against real tools: JENKINS_URL=… GITLAB_URL=…, see CONTRIBUTING.md
	$(if $(JENKINS_URL)$(GITLAB_URL)$(NTFY_URL),,$(error Name a tool: make test-live JENKINS_URL=… JENKINS_USER=… JENKINS_TOKEN=…))
	$(BIN)/python -m pytest -p no:randomly --force-enable-socket tests/integrations/live

fuzz: $(DEV) ## Throw a thousand broken deliveries of each kind at every door; takes half an hour
	$(BIN)/python -m pytest -p no:randomly --hypothesis-profile=fuzz --timeout 1800 tests/hostile

histories: $(DEV) servers ## Try many concurrent histories and many bad days of Slack, by chance: takes an hour
	$(BIN)/python -m pytest --hypothesis-profile=deep --timeout=7200 -n $(WORKERS) tests/histories tests/slack/test_bad_days.py

replicas: $(DEV) servers ## Kill, stop and cut off three replicas on one PostgreSQL, and judge the record (ROUNDS=3 SEED=1)
	$(BIN)/python -m tests.replicas.rounds --rounds $(or $(ROUNDS),3) --seed $(or $(SEED),1)

docs-check: $(DEV) ## Check links, documented names and the size of modules
	$(BIN)/python -m pytest tests/architecture

servers: ## Find or unpack Prometheus, Alertmanager, PostgreSQL and Chromium
	@$(SERVERS) ensure prometheus alertmanager postgresql chromium

clients: $(DEV) ## Install programs of others that tests run: Bolt, slack_sdk, Errbot, an identity provider
	@$(CLIENTS) ensure python javascript provider

bench: $(DEV) clients ## Measure Shipmate beside Bolt, Errbot, Opsdroid and Hubot in one run, one table: 15 minutes (REPETITIONS=5)
	$(BIN)/python benchmarks/peers.py $(REPETITIONS)
	$(BIN)/python benchmarks/over_http.py
	$(BIN)/python benchmarks/over_socket.py

lock: $(DEV) ## Rewrite the locks from pyproject.toml
	$(PYTHON) tools/lock.py

reference: $(DEV) ## Write what the code knows into docs/commands.md, docs/permissions.md and docs/metrics.md
	$(BIN)/python tools/reference.py

audit: ## Ask whether locked versions have known vulnerabilities (needs a network); tools/audit.toml tells what does no harm
	@$(PYTHON) tools/venv.py $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --disable-pip-version-check --no-input -qq install --require-hashes -r tools/requirements-audit.txt
	$(PYTHON) tools/audit.py $(VENV)/audit/bin/pip-audit

sbom: $(DEV) ## Write what is shipped, with hashes and licences, as CycloneDX: dist/shipmate.cdx.json
	$(BIN)/python tools/sbom.py

page: ## Copy the workspace page's libraries from npm anew, as its lock says (needs Node; what is built is in the tree)
	cd tools/page && npm ci --no-fund --no-audit && npm run --silent build

clean: ## Remove caches and what the demo keeps; leaves .venv and the unpacked servers
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov build dist var
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# An environment that is there already is kept and brought to the lock.
$(BIN)/python:
	@$(PYTHON) tools/venv.py $(VENV)

$(RUNTIME): requirements.txt requirements-build.txt pyproject.toml | $(BIN)/python
	@echo "Installing Shipmate into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.txt -r requirements-build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@echo "Installing the tools for development into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@
