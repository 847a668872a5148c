# The project's commands. Each begins with `setup`; README.md says what they need of the machine.

python = .venv/bin/python
# One process per core; a plain `.venv/bin/pytest` runs in one, as a debugger wants it.
pytest = -m pytest --numprocesses=auto --dist=worksteal
# Afterwards what shares a booted system, and measures how soon that does something: two of them, and a
# file in one. What ARGS names runs in one go instead.
e2e = -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder -m e2e
tests = $(python) $(pytest) $(if $(ARGS),$(ARGS),-m 'not e2e' && $(python) $(e2e))

.PHONY: help setup demo test ci bench lock

help:
	@echo 'make setup   make .venv from the locked versions (EXTRAS="claude systemd" adds to it)'
	@echo 'make demo    watch a hive of three agents answer each other; needs no API key'
	@echo 'make test    run the tests and the linters (ARGS="..." goes to pytest)'
	@echo 'make ci      install every optional tool, then test at the newest and the lowest versions'
	@echo 'make bench   measure the budgets and write bench/RESULTS.md'
	@echo 'make lock    resolve the locked versions anew'

setup:
	@scripts/setup $(tools) $(EXTRAS)

demo: setup
	@$(python) -m hyperhive.testing.demo

test: tools = --tools systemd
test: setup
	$(tests)

# The second run needs no second copy of the real CLI, and linters judge the code only once; what is
# slow is slow because of processes and time, not because of libraries; what runs in a real systemd
# is about that.
claude = $(python) -c 'from tests.tools import find_claude; print(find_claude())'
ci: export HYPERHIVE_REQUIRE_TOOLS = 1
ci:
	scripts/setup --tools claude systemd
	$(tests)
	scripts/setup --lowest systemd
	HYPERHIVE_CLAUDE="$$($(claude))" .venv-lowest/bin/python $(pytest) -m 'not checkout and not slow and not e2e' $(ARGS)

bench: setup
	$(python) bench/run.py

lock: setup
	$(python) scripts/lock.py
