# The targets that people use. `make` alone prints them.

PYTHON ?= python3
# Tests in parallel, at most this many at once.
JOBS ?= 2
# `make run CONFIG=... OUT=... ARGS="..."`
CONFIG ?= examples/digits.yaml
OUT ?= build/digits
ARGS ?=
# `make test PYTEST_ARGS="-k golden"`
PYTEST_ARGS ?=
# `make campaign SEEDS=50`; one seed alone: `make campaign SEEDS=1 FIRST=37`
SEEDS ?= 50
FIRST ?= 0
# `make mutate MUTANTS=150`
MUTANTS ?= 150
# `make fuzz FILES=200`, of each kind
FILES ?= 200
# `make kill KILLS=3`, of each command
KILLS ?= 3
# An extra package index for torch only, for instance https://download.pytorch.org/whl/cpu,
# whose Linux wheels come without the CUDA libraries.
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
# constraints.txt is the only place that names the version of torch.
TORCH = $(shell sed -n 's/^torch==/&/p' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help run test test-slow lint wheel bench matrix campaign mutate fuzz zoo kill clean distclean
.DELETE_ON_ERROR:

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "Variables: PYTHON=$(PYTHON) JOBS=$(JOBS) CONFIG=$(CONFIG) OUT=$(OUT)"
	@echo "           ARGS, PYTEST_ARGS and TORCH_INDEX are empty unless given."

# Python 3.11 is checked in the interpreter that will run the code: that of an existing
# environment, else $(PYTHON). An existing environment is kept and brought up to date.
$(VENV)/.ready: pyproject.toml constraints.txt
	@python=$(BIN)/python; [ -x "$$python" ] || python='$(PYTHON)'; \
	command -v "$$python" >/dev/null || { \
	    echo "error: no '$$python' found; give one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }; \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "error: Bitrain needs Python 3.11 or newer, but $$python is" \
	        "$$("$$python" --version 2>&1); give another with: make PYTHON=/path/to/python3.11" >&2; \
	    exit 1; }
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) '$(TORCH)' -c constraints.txt
	$(BIN)/pip install -e '.[dev]' -c constraints.txt
	@touch $@

run: $(VENV)/.ready ## train, export, generate and simulate the example; report under OUT
	$(BIN)/bitrain run --config $(CONFIG) --out $(OUT) $(ARGS)

test: $(VENV)/.ready ## run the tests, but for the slow ones
	$(BIN)/pytest -m "not slow" -n auto --maxprocesses $(JOBS) --dist worksteal $(PYTEST_ARGS)

test-slow: $(VENV)/.ready ## run the slow tests: whole runs, trainings, simulations, synthesis
	$(BIN)/pytest -m slow -n auto --maxprocesses $(JOBS) --dist worksteal $(PYTEST_ARGS)

lint: $(VENV)/.ready ## ruff check, ruff format --check, pyright
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

wheel: $(VENV)/.ready ## build wheel and sdist in dist/
	$(BIN)/hatchling build -d dist

bench: $(VENV)/.ready ## run the benchmarks under tests/bench
	$(BIN)/pytest tests/bench --benchmark-only $(PYTEST_ARGS)

matrix: $(VENV)/.ready ## every kind of block, both modes, both simulators
	PYTHONPATH=tests $(BIN)/python tests/matrix.py --out build/matrix

campaign: $(VENV)/.ready ## random networks: golden model against simulated RTL
	PYTHONPATH=tests $(BIN)/python tests/campaign.py --seeds $(SEEDS) --first $(FIRST) --out build/campaign

mutate: $(VENV)/.ready ## mutants of the generated Verilog, which the bench must find
	PYTHONPATH=tests $(BIN)/python tests/mutate.py --mutants $(MUTANTS) --out build/mutate

fuzz: $(VENV)/.ready ## spoilt files of every kind: one error each, and no traceback
	PYTHONPATH=tests $(BIN)/python tests/fuzz.py --files $(FILES) --out build/fuzz

zoo: $(VENV)/.ready ## foreign models, trained for seconds, in streams against real numbers
	PYTHONPATH=tests $(BIN)/python -m zoo.measure

kill: $(VENV)/.ready ## kill every command that writes at random moments, and run it again
	PYTHONPATH=tests $(BIN)/python tests/kills.py --kills $(KILLS) --out build/kill

clean: ## remove build/ and caches, keep .venv
	rm -rf build dist htmlcov .coverage .coverage.* .benchmarks .hypothesis .pytest_cache .ruff_cache
	find . \( -path ./.git -o -path ./$(VENV) \) -prune \
	    -o -type d \( -name __pycache__ -o -name sim_build -o -name '*.egg-info' \) -prune \
	    -exec rm -rf {} +

distclean: clean ## clean, and remove .venv
	rm -rf $(VENV)
