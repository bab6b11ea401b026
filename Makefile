# Each target sets up what it needs by itself: `.venv` is made once and again whenever pyproject.toml changes.
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
READY := .venv/ready
DOCS_READY := .venv/docs-ready
MLFLOW_DB := sqlite:///mlflow.db
export NO_ALBUMENTATIONS_UPDATE = 1
export NO_MKDOCS_2_WARNING = 1

.PHONY: compare test lint format docs docs-serve viz mlflow explore benchmark gpu-check clean

compare: $(READY)
	$(BIN)/kedro run --pipelines=gan_compare $(if $(DATASET),--params=dataset=$(DATASET)) $(if $(ENV),--env=$(ENV))

# Tests that look at a clock run by themselves, after all others. 5: there are none among TESTS.
test: $(READY)
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "not alone" $(TESTS) || test $$? = 5
	$(BIN)/pytest -m alone $(TESTS) || test $$? = 5

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DOCS_READY)
	$(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html"

docs-serve: $(DOCS_READY)
	$(BIN)/mkdocs serve --strict --dev-addr 127.0.0.1:8000

viz: $(READY)
	@echo "Open http://127.0.0.1:4141/?pid=gan_compare&types=nodes"
	$(BIN)/kedro viz run --no-browser

mlflow: $(READY)
	@$(BIN)/python -c "from gencompare.tracking.server import ui_address; print('Open', ui_address('$(MLFLOW_DB)'))"
	$(BIN)/mlflow server --backend-store-uri $(MLFLOW_DB) --default-artifact-root mlartifacts --workers 1 --host 127.0.0.1 --port 5000

explore: $(READY)
	$(BIN)/kedro explore

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

$(DOCS_READY): $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $(DOCS_READY)

benchmark: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,benchmarks]'
	$(BIN)/python -W ignore benchmarks/loop_overhead.py
	$(BIN)/python -W ignore benchmarks/speed_vs_peers.py
	$(BIN)/python -W ignore benchmarks/outside_nodes.py
	$(BIN)/python -W ignore benchmarks/growth.py

gpu-check: $(READY)
	$(BIN)/python -W ignore benchmarks/cuda_check.py --device=$(or $(DEVICE),cuda)

clean:
	rm -rf .venv
