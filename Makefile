# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
BIOME := node_modules/.bin/biome
# The demonstration destroys and purges two minutes after a deployment's end, so that this can be watched.
DEMO := LFR_ENV=demo LFR_WATCHLIST_RETENTION_MINUTES=2 LFR_ALERT_RETENTION_MINUTES=2 LFR_SECOND_LOOK_PERCENT=100

.PHONY: demo demo-reset install install-dev browser test test-busy proof screenshots lint format clean

demo: install
	@$(DEMO) exec $(BIN)/python manage.py demo --make-pid $$PPID --port $(PORT) $(if $(FACES),--faces "$(FACES)")

demo-reset: install
	@$(DEMO) $(BIN)/python manage.py demo_reset

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: requirements.txt requirements-nodeps.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "  · creating $(VENV) and installing packages (a minute or two the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -r requirements-nodeps.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-dev-nodeps.txt
	@echo "  · installing the development packages"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -r requirements-dev-nodeps.txt
	@touch $@

# The browser tests use Debian's Chromium; without it they are skipped.
browser:
	@command -v chromium >/dev/null || { command -v apt-get >/dev/null && test "$$(id -u)" = 0 \
		&& echo "  · installing Chromium" && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
		|| echo "  · Chromium is not installed: the browser tests will be skipped"

# Two processes: one works while the other waits for a running system. `make test PROCESSES=0` uses one process.
PROCESSES := 2
PYTEST := LFR_ENV=demo $(BIN)/python -m pytest
TEST := $(PYTEST) --numprocesses $(PROCESSES) --dist loadgroup --no-loadscope-reorder

test: install-dev browser
	@$(TEST) $(ARGS)

# The tests with every core kept busy, as on a slower machine: no test may depend on speed.
test-busy: install-dev browser
	@$(BIN)/python -m tests.busy & busy=$$!; $(TEST) $(ARGS); status=$$?; kill $$busy; exit $$status

# Tests that take too long for every run: each attack on a camera for half a minute, with limits in seconds, and the accuracy
# on every photograph of the face set.
proof: install-dev
	@LFR_PROOF_SECONDS=30 $(PYTEST) -s tests/live/test_blinding.py tests/test_accuracy.py $(ARGS)

# The pictures of the handbook, from a demonstration of its own.
screenshots: install-dev browser
	@LFR_ENV=demo $(BIN)/python -m tests.screenshots

lint: install-dev $(BIOME)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint templates --check --quiet
	$(BIOME) format static
	LFR_ENV=demo $(BIN)/mypy
	$(BIN)/lint-imports
	LFR_ENV=demo $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

format: install-dev $(BIOME)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint templates --reformat --quiet || true
	$(BIOME) format --write static

# The formatter of scripts and styles comes from npm; nothing of it runs in the system.
$(BIOME): package-lock.json
	@command -v npm >/dev/null || { echo "Install Node.js: npm brings the formatter of scripts and styles."; exit 1; }
	@npm ci --no-audit --no-fund --silent
	@touch $@

clean:
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
