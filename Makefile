# YOSO. `make help` lists what there is; every target makes what it needs, the Python environment included.
# Most are aliases of the command `yoso` in that environment: `.venv/bin/yoso --help` lists all it does.
#
# IMAGES=n  test images          JOBS=n    processes           NET=name|file  network
# LANES=n   neurons a word       CAST=multicast|unicast        CHIP="name name=value ..."  named chip or its file, other parameters
# DATA=name|path  data set, if not the one that the network records (OTHER_DATA=1: another is meant)
# BLOCK=name  block of the RTL to test, prove, synthesise, plant bugs in    MUTANT=name  planted bug    FIGURE=name
# PROOF=name  formal proof      PORT=name  serial port of a board    CASE=file|json  of make soak
# RESULTS=file  finished chunks of make regress, which another machine goes on from    HTML=file  page of make sim, regress
# BOARD=name|file  board, of make bitstream and make board    RUN=name  name of this run (yoso runs)
# SPEC=file  what make explore explores    IMAGE=n, FORMAT=vcd|fst, PE=x,y  image, file and PE of make waves
# ALL=1  what trains and tests as well, of make env

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SIM_ENV := $(VENV)/.sim
TEST_ENV := $(VENV)/.test
SYNTH_ENV := $(VENV)/.synth
FORMAL_ENV := $(VENV)/.formal
DOCS_ENV := $(VENV)/.docs

IMAGES ?=
JOBS ?=
NET ?=
LANES ?=
CAST ?=
CHIP ?=
BOARD ?=
DATA ?=
OTHER_DATA ?=
BLOCK ?=
TARGET ?=
MUTANT ?=
PROOF ?=
FIGURE ?=
CASE ?=
RESULTS ?=
RUN ?=
SPEC ?=
IMAGE ?=
FORMAT ?=
PE ?=
ALL ?=
HTML ?=
PORT ?= /dev/ttyUSB0

# Words of CHIP with a = in them change a parameter; the other one is the chip's name or file.
CHIP_OPTIONS = $(foreach word,$(CHIP),$(if $(findstring =,$(word)),--set $(word),--chip '$(word)'))
RUN_OPTIONS = $(if $(NET),--net '$(NET)') $(DATA_OPTIONS) $(if $(LANES),--lanes $(LANES)) $(if $(CAST),--cast $(CAST)) \
	$(CHIP_OPTIONS)
DATA_OPTIONS = $(if $(DATA),--data '$(DATA)') $(if $(OTHER_DATA),--other-data)
BLOCK_OPTION = $(if $(BLOCK),--block '$(BLOCK)')
BOARD_OPTION = $(if $(BOARD),--board '$(BOARD)')
MANY_OPTIONS = $(if $(IMAGES),--images $(IMAGES)) $(if $(JOBS),--jobs $(JOBS))
PAGE_OPTION = $(if $(HTML),--html '$(HTML)')
PAGE_ENV = $(if $(HTML),$(BIN)/python -c 'import plotly' 2> /dev/null || $(PIP_INSTALL) --editable '.[html]')
NAMED = $(if $(RUN),--run '$(RUN)')


.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help sim regress waves check test long lint docs mutants mutate kill gatesim soak coverage formal train bench-train accuracy figures soft-errors synth energy explore compare profile search bitstream board env clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@sed -n 's/^# \([A-Z]*=\)/  \1/p' $(MAKEFILE_LIST)

sim: $(SIM_ENV) ## classify IMAGES=100 test images on the RTL, every spike compared with the golden model
	@$(PAGE_ENV)
	@$(BIN)/yoso sim $(RUN_OPTIONS) $(MANY_OPTIONS) $(PAGE_OPTION) $(NAMED)

regress: $(SIM_ENV) ## the same for IMAGES=10000 in JOBS=2 processes; goes on where a kill stopped it, or RESULTS=file
	@$(PAGE_ENV)
	@$(BIN)/yoso regress $(RUN_OPTIONS) $(MANY_OPTIONS) $(if $(RESULTS),--results '$(RESULTS)') $(PAGE_OPTION) $(NAMED)

waves: $(SIM_ENV) ## write a waveform of IMAGE=0, and states of GTKWave and Surfer with its spikes by layer (PE=x,y: core and FIFOs too)
	@$(BIN)/yoso waves $(RUN_OPTIONS) $(if $(IMAGE),--image $(IMAGE)) $(if $(FORMAT),--format $(FORMAT)) $(if $(PE),--pe $(PE))

check: $(TEST_ENV) lint ## lint and the unit tests that run fast: under a minute
	@tests=$$($(BIN)/python tests/plan.py --fast) && \
	  $(BIN)/python -m pytest -q -n $(or $(JOBS),auto) --dist loadfile tests/test_plan.py tests/test_pages.py $$tests

test: $(TEST_ENV) $(if $(BLOCK),,lint) ## lint, unit tests and cocotb benches (BLOCK=adder: what tests that block)
	@tests=$(if $(BLOCK),$$($(BIN)/python tests/plan.py --block '$(BLOCK)')) && \
	  $(BIN)/python -m pytest -n $(or $(JOBS),auto) --dist worksteal $$tests

long: $(TEST_ENV) ## more of what make test has some of: networks, damaged files, netlists
	@$(BIN)/python -m pytest -m long -n $(or $(JOBS),auto) --dist worksteal

lint: $(TEST_ENV) ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

mutants: $(TEST_ENV) ## plant bugs in the RTL one by one; the tests must notice each (MUTANT=name, or BLOCK=name)
	@$(BIN)/yoso mutants $(BLOCK_OPTION) $(MUTANT)

mutate: $(TEST_ENV) ## plant random bugs in the RTL; which ring of tests notices each; goes on where a kill stopped it, or RESULTS=file
	@$(BIN)/yoso mutate

kill: $(SYNTH_ENV) $(TEST_ENV) ## kill regress, train, soak, explore and coverage 20 times each; what is left must be right (long)
	@$(BIN)/python -m pytest -m kill -s tests/command/test_kills.py

gatesim: $(TEST_ENV) ## run the benches of the RTL on its netlist as well, flit by flit (TARGET=pe, node, chip or family: that one)
	@$(BIN)/yoso gatesim $(TARGET)

soak: $(SIM_ENV) ## random networks on random chips against the golden model, until stopped; shrinks what differs (CASE=case: that one again)
	@$(BIN)/yoso soak $(if $(CASE),--case '$(CASE)')

coverage: $(TEST_ENV) ## line, toggle, expression and functional coverage by the cosimulation; goes on where a kill stopped it, or RESULTS=file
	@$(BIN)/yoso coverage $(if $(JOBS),-- --jobs $(JOBS))

formal: $(FORMAL_ENV) ## prove the blocks of the RTL for all time, and that each proof fails on a planted bug (PROOF=name, or BLOCK=name)
	@$(BIN)/yoso formal $(BLOCK_OPTION) $(PROOF)

train: $(TEST_ENV) ## train NET=name of sw/networks; goes on where a kill stopped it, or RESULTS=file (DEVICE=cuda: on a GPU)
	@$(BIN)/yoso train $(if $(NET),--net '$(NET)') $(if $(DATA),--data '$(DATA)') $(if $(DEVICE),--device '$(DEVICE)') $(NAMED)

search: $(TEST_ENV) ## search thresholds, windows and bits that NET=file names in its table [search], by validation images
	@$(BIN)/yoso search $(if $(NET),--net '$(NET)')

profile: $(TEST_ENV) ## what quantisation costs NET=name|file, layer by layer, and IMAGES=1000 by stage
	@$(BIN)/yoso profile $(RUN_OPTIONS) $(if $(IMAGES),--images $(IMAGES))

bench-train: $(TEST_ENV) ## time an epoch of STDBP beside plain PyTorch and a ReLU network
	@$(BIN)/yoso bench

accuracy: $(TEST_ENV) ## evaluate the committed networks, or NET=name, on the golden model
	@$(BIN)/yoso eval $(if $(NET),--net '$(NET)') $(DATA_OPTIONS) $(NAMED)

figures: $(TEST_ENV) ## redraw the paper's figures, and its tables after `make accuracy` (FIGURE=name: one)
	@for name in $(or $(FIGURE),spike-times gradients dead-neurons tables); do \
	  $(BIN)/yoso figures $$name || exit 1; done

soft-errors: $(SIM_ENV) ## accuracy against the rate of bit flips in weights, A and V; goes on where a kill stopped it, or RESULTS=file
	@$(BIN)/yoso soft-errors $(RUN_OPTIONS) $(MANY_OPTIONS) $(NAMED)

synth: $(SYNTH_ENV) ## area and clock of the blocks on an ECP5, and on sg13g2 with PDK_ROOT (BLOCK=adder: any block of the RTL)
	@$(BIN)/yoso synth $(BLOCK_OPTION) $(if $(TARGET),--target $(TARGET)) \
		$(CHIP_OPTIONS) $(NAMED)

energy: $(SYNTH_ENV) ## estimate the energy of an image on sg13g2 from IMAGES=20 on the RTL; needs PDK_ROOT
	@$(BIN)/yoso energy $(if $(NET),--net '$(NET)') $(if $(DATA),--data '$(DATA)') \
		$(if $(IMAGES),--images $(IMAGES)) $(CHIP_OPTIONS) $(NAMED)

explore: $(SYNTH_ENV) ## accuracy, cycles, area and energy of networks on other chips, and the Pareto front (SPEC=file: what to explore)
	@$(BIN)/yoso explore $(SPEC) $(MANY_OPTIONS) $(NAMED)

compare: $(SYNTH_ENV) $(SIM_ENV) ## learning rules side by side on one chip: IMAGES=100 of each on the RTL, NET="names"
	@$(BIN)/yoso compare $(NET) $(MANY_OPTIONS)

bitstream: $(SYNTH_ENV) ## a whole chip for BOARD=ulx3s, build/synth/ulx3s.bit (long)
	@$(BIN)/yoso bitstream $(BOARD_OPTION) $(CHIP_OPTIONS)

board: $(SIM_ENV) ## run IMAGES=100 test images on a board at PORT=/dev/ttyUSB0, and compare them with the golden model
	@$(BIN)/python -c 'import serial' 2> /dev/null || \
	  $(PIP_INSTALL) --editable '.[board]'
	@$(BIN)/yoso board --port '$(PORT)' $(BOARD_OPTION) $(if $(NET),--net '$(NET)') $(DATA_OPTIONS) \
		$(if $(IMAGES),--images $(IMAGES)) $(CHIP_OPTIONS)

docs: $(DOCS_ENV) ## pages and API as a site, build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo build/site/index.html

env: $(if $(ALL),$(TEST_ENV),$(SIM_ENV)) ## make the environment of `make sim` and no more (ALL=1: training, search, pages and tests too)

# What took hours to train or minutes to compile, and belongs to no one version of the sources; and runs, which
# `yoso runs prune` removes.
KEPT := train yowasp runs

clean: ## remove what was built and reported, but neither training checkpoints nor tools that were compiled once, nor runs
	@if [ -d build ]; then find build/ -mindepth 1 -maxdepth 1 $(KEPT:%=! -name %) -exec rm -rf {} +; fi

distclean: ## remove everything that make made: those and the environment as well
	rm -rf build $(VENV) *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis

# ---- environment -------------------------------------------------------------------------------------------

# Tools that figures rest on have the versions of constraints.txt.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# A row of README.md's table of a first run, said before it happens: what it fetches, keeps and takes.
SAY = @[ -e $@ ] || sed -n \
	's/`//g; s/^| \($(1)[^|:]*\)[^|]* | \([^|]*\) | \([^|]*\) | \([^|]*\) |$$/\1: fetches \2, keeps \3, takes \4/p' \
	README.md 2> /dev/null || true

# One message for each thing that may be missing on a fresh machine. Verilator's scripts and make take a path
# apart at its spaces, and some of them stumble over letters beyond ASCII: better said before anything is fetched.
$(BIN)/python:
	@case "$$PWD" in *[!A-Za-z0-9_./@%+,=:~-]*) \
	  echo "error: make cannot build below $$PWD: its path has a space or a letter beyond ASCII; move the checkout" >&2; \
	  exit 1;; esac
	@command -v $(PYTHON) > /dev/null || \
	  { echo "error: $(PYTHON) not found: on Debian or Ubuntu, apt install python3 python3-venv" >&2; exit 1; }
	@case "$$(exec 2> /dev/null; $(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11))'; :)" in \
	  True) ;; \
	  False) echo "error: $$($(PYTHON) -V 2>&1) is too old: 3.11 or later is needed; set PYTHON=python3.x" >&2; exit 1;; \
	  *) echo "error: $(PYTHON) does not start as a Python: try it by itself, or set PYTHON=python3.x" >&2; exit 1;; esac
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
	  { echo "error: $(PYTHON) cannot make environments: on Debian or Ubuntu, apt install python3-venv" >&2; exit 1; }
	@for tool in g++ perl; do command -v $$tool > /dev/null || \
	  { echo "error: $$tool not found: on Debian or Ubuntu, apt install g++ perl" >&2; exit 1; }; done
	@echo "making the Python environment $(VENV)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)

$(SIM_ENV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what the simulation needs"
	$(call SAY,simulation)
	@$(PIP_INSTALL) --editable '.[sim]'
	@touch $@

# PyPI's torch is the CPU build on some platforms and gigabytes of CUDA on others, so PyTorch's own index of
# CPU builds is asked first. One that is there in the pinned version, of whatever build, stays.
$(TEST_ENV): $(SIM_ENV) tests/nir-tools.txt
	@echo "installing what training and the tests need"
	$(call SAY,training)
	@$(PIP_INSTALL) --retries 0 --timeout 10 \
	    --index-url https://download.pytorch.org/whl/cpu torch 2> /dev/null || \
	  $(PIP_INSTALL) torch
	@$(PIP_INSTALL) --editable '.[test]'
	@$(PIP_INSTALL) --no-deps --requirement tests/nir-tools.txt
	@touch $@

$(SYNTH_ENV): $(SIM_ENV)
	@echo "installing yosys and nextpnr"
	$(call SAY,synthesis)
	@$(PIP_INSTALL) --editable '.[hw,synth]'
	@touch $@

$(FORMAL_ENV): $(SIM_ENV)
	@echo "installing sby, yosys and a solver"
	$(call SAY,proofs)
	@$(PIP_INSTALL) --editable '.[formal]'
	@touch $@

$(DOCS_ENV): $(SIM_ENV)
	@echo "installing what builds the site"
	$(call SAY,site)
	@$(PIP_INSTALL) --editable '.[docs]'
	@touch $@
