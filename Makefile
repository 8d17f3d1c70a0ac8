# Every command that a contributor needs; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --warn-undefined-variables
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Arguments for the command behind a target: make demo ARGS=--exit
ARGS ?=
# The key that a release of the mobile app is signed with, see docs/mobile.md; without one it is a development key.
ENROLL_KEYSTORE ?=
export PYTHON ?= python3

# Debian packages, installed when they are missing. The demo needs no more than the first list.
DEMO_PACKAGES := python3-venv
TEST_PACKAGES := $(DEMO_PACKAGES) curl gnutls-bin libnss3-tools libxml2-utils nginx-light openssl postgresql
# Those that enroll at the desk's doors.
CLIENT_PACKAGES := certmonger libbcpkix-java libstrongswan-extra-plugins libstrongswan-standard-plugins strongswan-pki
WEB_PACKAGES := chromium default-jre-headless nodejs npm
ANDROID_PACKAGES := aapt apksigner maven openjdk-17-jdk-headless unzip zip zipalign
PICTURE_PACKAGES := chromium pngquant
BENCH_PACKAGES := $(TEST_PACKAGES) wrk

BIN := .venv/bin
STEP := script/step
APK := android/build/Enroll.apk
APK_KEY := android/build/signed-with
WEB := tests/web/node_modules
PROJECT := pyproject.toml hatch_build.py $(wildcard src/certdesk/locale/*/LC_MESSAGES/certdesk.po)

.PHONY: help
help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: .venv/runtime ## See it work: a desk, a client, an enrollment, a revocation (ARGS=--exit stops after the story).
	@$(BIN)/certdesk demo $(ARGS)

.PHONY: test
test: lint $(WEB)/.installed $(APK) ## Run everything that must hold: the checks of `make lint`, then the tests (ARGS for pytest).
	@script/debian-packages $(TEST_PACKAGES) $(CLIENT_PACKAGES) $(WEB_PACKAGES)
	@$(STEP) "pytest" $(BIN)/pytest --numprocesses=2 --dist=worksteal --durations=15 $(ARGS)

.PHONY: apk
apk: $(APK) ## Build the mobile app, android/build/Enroll.apk.

$(APK): src/certdesk/__init__.py $(shell find android/app/src/main android/assemble android/fetch android/parts android/shrink.pro -type f) $(APK_KEY) | .venv/runtime
	@script/debian-packages $(ANDROID_PACKAGES)
	@$(STEP) "Enroll.apk" android/assemble

# Changes when another key is named, so that no release is signed with yesterday's.
$(APK_KEY): always
	@mkdir -p $(@D)
	@cmp --quiet $@ <(echo "$(ENROLL_KEYSTORE)") 2>/dev/null || echo "$(ENROLL_KEYSTORE)" >$@

always:

.PHONY: lint
lint: .venv/development ## Check style, types, layers and the completeness of the translations.
	@$(STEP) "ruff check" $(BIN)/ruff check
	@$(STEP) "ruff format" $(BIN)/ruff format --check
	@$(STEP) "mypy" $(BIN)/mypy
	@$(STEP) "import contracts" $(BIN)/lint-imports --no-logo
	@$(STEP) "catalogues" $(BIN)/python script/catalogues.py

.PHONY: format
format: .venv/development ## Format the code and mend what can be mended by itself.
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

.PHONY: bench
bench: .venv/development ## Measure the speed, in ratios to what this machine can sign (ARGS for the benchmark).
	@script/debian-packages $(BENCH_PACKAGES)
	@$(BIN)/python -m bench $(ARGS)
	@$(BIN)/python -m bench.doors $(filter --write,$(ARGS))

.PHONY: screenshots
screenshots: .venv/development ## Take the pictures of the console's guide that are out of date (ARGS names others to take).
	@script/debian-packages $(PICTURE_PACKAGES)
	@$(BIN)/python -m tests.e2e.guide $(ARGS)

.PHONY: messages
messages: .venv/development ## Bring the message catalogues up to date with the code.
	@mkdir -p build
	@$(BIN)/pybabel --quiet extract --mapping=babel.cfg --keywords=N_ --add-location=file --sort-by-file \
		--project=certdesk --version=0.1 --msgid-bugs-address=CONTRIBUTING.md --output=build/certdesk.pot src
	@$(BIN)/pybabel --quiet update --domain=certdesk --input-file=build/certdesk.pot --output-dir=src/certdesk/locale \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width=120
	@$(BIN)/python script/catalogues.py || true

.PHONY: lock
lock: ## Write the lock files anew (needs uv); ARGS=--upgrade takes newer versions.
	@command -v uv >/dev/null || { echo "error: uv is needed to lock"; echo "hint: pipx install uv"; exit 1; } >&2
	@uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
		--extra server --group dev $(ARGS) pyproject.toml --output-file requirements.lock
	@uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
		--extra server --group build --constraints requirements.lock pyproject.toml \
		--output-file requirements-runtime.lock

.PHONY: clean
clean: ## Remove what was built, the environment too.
	@rm -rf .venv $(WEB) android/build build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis
	@find src tests bench script -name __pycache__ -prune -exec rm -rf {} +
	@rm -f src/certdesk/locale/*/LC_MESSAGES/certdesk.mo

# One environment, two stamps: the demo's packages are a part of the contributor's, in the same versions.
.venv/runtime: requirements-runtime.lock $(PROJECT)
	@script/debian-packages $(DEMO_PACKAGES)
	@script/environment requirements-runtime.lock
	@touch $@

.venv/development: requirements.lock $(PROJECT)
	@script/debian-packages $(DEMO_PACKAGES)
	@script/environment requirements.lock
	@touch .venv/runtime $@

# The programs that look at the console's pages.
$(WEB)/.installed: tests/web/package-lock.json
	@script/debian-packages $(WEB_PACKAGES)
	@echo "Installing the packages of $<, each checked against its hash" >&2
	@npm --prefix tests/web ci --silent
	@touch $@
