# make demo: from a clean clone to Amharic speech.   make test: the tests.   make test-system: IndexTTS-2 at its full size.
# All set up .venv by themselves.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-system lint clean

demo: .venv/ready
	$(BIN)/python tools/demo.py

test: .venv/ready
	$(BIN)/python -m pytest tests

# Needs 30 GB of disk, given back at the end, and 24 GB of memory; skips with a reason where there is less.
test-system: .venv/ready
	AMHARIC_TTS_FULL_SIZE=1 $(BIN)/python -m pytest tests/full_size -s

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The only place where packages are installed; done again when a pin changes.
.venv/ready: setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt setuptools wheel
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .[demo,test]
	@touch $@

clean:
	rm -rf .venv data/demo runs/demo shards/demo
