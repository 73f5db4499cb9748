# make run    the app with a demo project, on this machine only
# make test   lint, then every test, in a real browser and on a real SQLite; a process per core and one more, since
#             browsers are mostly waited for; each on one thread, since torch's would wait for those of the others
# make lint   ruff, mypy, import-linter
# make bench  the figures of docs/experiments.md (BENCH=name runs one; long ones by name only)
# make soak   the crash tests, again and again (SOAK=times)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOAK ?= 20
BENCH ?= all
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')

.PHONY: run test lint bench soak clean

run: $(VENV)/stamp-run
	$(BIN)/python launch.py annotate --demo

test: lint $(VENV)/stamp-chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -q -n $(PROCESSES) --dist loadfile

lint: $(VENV)/stamp-test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/stamp-chromium
	$(BIN)/python launch.py bench $(BENCH)

soak: $(VENV)/stamp-test
	for turn in $$(seq $(SOAK)); do echo "turn $$turn of $(SOAK)"; $(BIN)/python -m pytest tests/crash -q || exit 1; done

clean:
	rm -rf $(VENV) *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11. Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# A stamp is newer than pyproject.toml when what that asks for is installed: the next run starts at once.
$(VENV)/stamp-run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable .
	@touch $@

$(VENV)/stamp-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[test]'
	@touch $@ $(VENV)/stamp-run

$(VENV)/stamp-chromium: tests/install_chromium.sh $(VENV)/stamp-test
	sh tests/install_chromium.sh $(BIN)/python
	@touch $@
