# Each target prepares the environment from the lock itself; a second call costs no time.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= python3

.PHONY: run test check bench acceptance notebook images testbed lock clean

run: $(READY)
	$(BIN)/lazypull run experiments/startup/config.yaml --out results
	$(BIN)/lazypull report results/startup

test: $(READY)
	$(BIN)/pytest -n 2 -m "not alone"
	$(BIN)/pytest -m alone -rs

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(READY)
	$(BIN)/pytest -m bench tests/bench -s

# The reference's own tools on every catalogue image that is built here: root, `make testbed`, Go and Debian's package
# stargz-snapshotter. Takes minutes an image; `make test` has a small slice of it.
acceptance: $(READY)
	LAZYPULL_ACCEPTANCE=docs/validation/acceptance.csv $(BIN)/pytest -m "acceptance or alone" tests/acceptance -rs

notebook: $(READY)
	$(BIN)/jupyter lab notebooks

# Root and mmdebstrap. With these images the perturbation test of `make test` runs on real workloads too, and with the
# testbed built as well the check against the real stack.
images: $(READY)
	$(BIN)/lazypull catalog build web --stage image
	$(BIN)/lazypull catalog build numpy --stage image
	$(BIN)/lazypull catalog build postgres --stage image

# Root, and on Debian the packages runc, nginx-light, iproute2, e2fsprogs and a Go of 1.26 or newer.
testbed: $(READY)
	$(BIN)/lazypull testbed build

# The lock holds versions and hashes only, no download addresses.
lock: $(READY)
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --all-extras --no-annotate --no-header \
	  --python-version 3.11 pyproject.toml --output-file requirements.lock

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	PATH="$(CURDIR)/$(BIN):$$PATH" uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
