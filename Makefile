# `make run` starts the program, `make test` checks everything; each sets itself up on a fresh machine.
.PHONY: run test bench lint lock setup clean
.DEFAULT_GOAL := run

setup:
	@packaging/setup.sh test

run:
	@packaging/setup.sh run
	@.venv/bin/latent-explorer $(ARGS)

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# Two processes, one file of tests after the other in each: a test uses one core, and the longest files come to an end.
test: lint
	.venv/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

bench: setup
	.venv/bin/latent-explorer bench $(ARGS)

# The tested set of packages anew: packaging/lock.txt.
lock: setup
	@.venv/bin/python packaging/lock.py

clean:
	rm -rf .venv build dist runs .pytest_cache .mypy_cache .ruff_cache
