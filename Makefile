# `make help` lists the targets. Each sets up what it needs; see .ci/setup.
.PHONY: help demo test quick check golden bench fuzz mutants full clean
PYTHON := .venv/bin/python

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## quantize and compile the example network, run it on real images, print budget and accuracy
	@.ci/setup demo
	@$(PYTHON) examples/digits/demo.py

test: ## set up everything and run all checks and tests
	@.ci/setup test
	@.ci/test

quick: ## the tests that need neither compiler nor simulator nor browser
	@.ci/setup test
	@$(PYTHON) -m pytest -q -m "not cc and not qemu and not browser and not slow"

check: ## format, lint, types, layers
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/basedpyright
	@.venv/bin/lint-imports --no-cache

golden: ## accept the C that is generated now as the golden one
	@.ci/setup test
	@$(PYTHON) -m pytest -q tests/golden --update-golden

bench: ## measure the trained networks again and compare with the committed results
	@.ci/setup test
	@$(PYTHON) bench/memory.py
	@$(PYTHON) bench/run.py

fuzz: ## attack with drawn inputs: SEEDS=a..b, KIND=onnx|graph|qemu|calibration|board|directory|kill
	@.ci/setup test
	@$(PYTHON) -m fuzz --seeds $(or $(SEEDS),0..40) $(addprefix --kind ,$(KIND))

mutants: ## try deliberate faults: does a test notice each?
	@.ci/setup test
	@$(PYTHON) -m mutants

full: ## the long form, some three hours: tests, models, all drawn inputs and deliberate faults, bench
	@MCUCC_REQUIRE_MODELS=1 MCUCC_FULL=1 $(MAKE) --no-print-directory test
	@MCUCC_DRAWN_FILES=300 $(PYTHON) -m pytest -q tests/importer/tflite/test_single_operators.py -k tflm
	@$(PYTHON) -m fuzz --seeds 0..500
	@$(PYTHON) -m fuzz --seeds 0..678 --kind kill
	@$(PYTHON) -m mutants
	@$(MAKE) --no-print-directory bench

clean: ## remove environments and build products
	@rm -rf .venv .venvs build out dist .pytest_cache .ruff_cache .hypothesis
