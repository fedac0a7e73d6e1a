# The daily commands; any make and any POSIX shell will do.

PYTHON = python3
VENV = .venv
# A folder called models where somebody stands must not shadow ours.
RUN = PYTHONSAFEPATH=1 $(VENV)/bin
# `make flower PORT=5555`; 0 takes a free port.
PORT = 0
# Processes that `make test` runs in, at most 8; each starts its own Postgres and Redis.
PROCESSES = logical

help:
	@echo "make demo      install, then run the demo experiment on this machine"
	@echo "make test      install, then run all tests (PROCESSES=2; of itself one for each core)"
	@echo "make install   make $(VENV) and install into it (PYTHON=python3.12 chooses another Python)"
	@echo "make lint      ruff and mypy"
	@echo "make flower    watch the local farm's queues and workers in a browser (PORT=5555)"
	@echo "make clean     remove $(VENV) and every cache; the farm's data in PERSONA_HOME stay"

install: $(VENV)/.installed

# The stamp is newer than what it was made from: installed again only when that changes.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not:" \
			"make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -c constraints.txt -e ".[dev]"
	@touch $@

demo: install
	$(RUN)/persona-schedule --experiment demo --local

# A file's tests stay together, and in the order of their files: the longest ones come early. A
# process has a core: threads of numerical libraries would wait for those of the others.
test: install
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN)/python -m pytest -n $(PROCESSES) --maxprocesses 8 --dist loadfile --no-loadscope-reorder

lint: install
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

flower: install
	@$(RUN)/python -m scheduler.flower_cli --port $(PORT)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help install demo test lint flower clean
