# One command each. `make demo` and `make test` set everything up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt

.PHONY: help setup setup-dev demo test check lint bench soak whole village lives uinput pi mutate deb install uninstall root drawings screenshots texts states openapi clean
help:            ## this list
	@grep -E '^[a-z-]+: .*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

setup: $(VENV)/.ready  ## make .venv with what Loquet needs to run
$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (a minute or two the first time) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: sudo apt install python3-venv"; exit 1; }
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation --editable '.[workbench,server]'
	@$(PIP) --no-deps mfrc522
	@touch $@

setup-dev: $(VENV)/.ready-dev  ## and what its developers need
$(VENV)/.ready-dev: $(VENV)/.ready
	@$(PIP) --no-build-isolation --editable '.[dev,postgres]'
	@touch $@

demo: setup      ## the workbench: the daemon on simulated hardware, in your browser; PORT=… where 8000 is taken
	@$(BIN)/loquet demo $(if $(PORT),--port $(PORT))

test: setup-dev  ## the tests; two workers more than processors, since much of it waits
	@$(BIN)/python -m pytest -n $$(( $$(nproc) + 2 )) --dist loadfile

check: setup-dev ## lint, types and the tests of one room, in a minute or two: make check ROOM=controller/outputs
	@[ -n "$(ROOM)" ] && [ -d "$(ROOM)" ] || { echo "say which room: make check ROOM=controller/outputs"; exit 1; }
	@$(BIN)/ruff check $(ROOM)
	@$(BIN)/ruff format --check $(ROOM)
	@$(BIN)/mypy $(ROOM)
	@[ ! -d "tests/$(ROOM)" ] || $(BIN)/python -m pytest -n $$(( $$(nproc) + 2 )) --dist loadfile tests/$(ROOM)

lint: setup-dev  ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: setup-dev ## the design's figures, as ratios, beside their bounds
	@$(BIN)/python -m bench

soak: setup-dev  ## days of workshops in which everything fails now and then: DAYS=100; SEED=… lives them again
	@cd tests/world && SEED="$(or $(SEED),0)" DAYS="$(or $(DAYS),100)" PYTHONPATH=.. ../../$(BIN)/python world.py

whole: setup-dev ## a server and two workshops on one thread, DAYS=100 of them, lines, sticks, disasters; SEED=… lives them again
	@cd tests/world && SEED="$(or $(SEED),0)" DAYS="$(or $(DAYS),100)" PYTHONPATH=.. ../../$(BIN)/python whole.py

village: setup-dev ## a line of 10 kB/s in real time: a list of 2,000 and a month's journal (some minutes)
	@cd tests/world && PYTHONPATH=.. ../../$(BIN)/python village.py

lives: setup-dev ## lives of one machine at random, MINUTES=5 of them; SEED=… lives one again
	@cd tests/world && PYTHONPATH=.. ../../$(BIN)/python life.py

uinput: setup-dev ## a keyboard that the kernel makes, under the driver for readers that type (root, /dev/uinput)
	@$(PIP) --no-build-isolation --editable '.[keyboard]'
	@PYTHONPATH=. $(BIN)/python tests/uinput.py

pi: setup        ## the arm64 package lives a life on an emulated Raspberry Pi (root, Debian 12, half an hour): ONLY="taps power"
	@$(BIN)/python tests/pi/life.py $(if $(ONLY),--only $(ONLY))

mutate: setup-dev ## mutants of the decision and of the station, and which of them no test kills
	@$(PIP) --no-build-isolation --editable '.[mutation]'
	@$(BIN)/mutmut run > mutants.log 2>&1 || tail -n 5 mutants.log
	@$(BIN)/mutmut results

deb: setup       ## dist/loquet_*.deb, for this machine; ARCH=arm64 or amd64 for another
	@$(BIN)/python systemd/deb/build.py --arch "$(ARCH)"

install:         ## sudo make install: the package of this machine, built and installed
	@[ "$$(id -u)" = 0 ] || { echo "say: sudo make install"; exit 1; }
	@$(if $(SUDO_USER),sudo -u $(SUDO_USER)) rm -rf dist
	@$(if $(SUDO_USER),sudo -u $(SUDO_USER)) $(MAKE) --no-print-directory deb ARCH=
	@apt-get install --yes --no-install-recommends --reinstall --allow-downgrades ./dist/loquet_*.deb

uninstall:       ## sudo make uninstall: opens the relays; settings and usage stay
	@apt-get remove --yes loquet

root:            ## the Debian that the installation tests boot (needs root; kept in ~/.cache/loquet)
	@$(PYTHON) tests/systemd/build_root.py

drawings: setup-dev ## draw docs/wiring/ and the cards in docs/ from the settings
	@$(BIN)/python tools/drawings.py

screenshots: setup-dev ## take the README's pictures of the workbench
	@$(BIN)/python tools/screenshots.py

texts: setup-dev ## bring the French catalogue up to date and compile it
	@$(BIN)/python tools/texts.py

states: setup-dev ## write docs/states.md from the code
	@$(BIN)/python tools/states.py

openapi: setup-dev ## write docs/openapi.json from the messages
	@PYTHONPATH=. $(BIN)/python tools/openapi.py

clean:           ## remove what the other targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis .demo mutants mutants.log
