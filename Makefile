# The commands of a clone. Each does all of its own set-up; `make` alone lists them.
# PYTHON=/path/to/python3.12 chooses the interpreter, JOBS=4 the test processes, T=tests/web what is tested,
# ARGS="--seconds 20" how the demo runs, TORCH=1 tests training as well (torch is large: without it those tests skip).

PYTHON ?=
JOBS ?= 2
T ?=
ARGS ?=
export PYTHON

bin := .venv/bin
all_extras := onnx tflite openvino web sign tools dev
demo_models := ssdlite-pedestrian pose-detection
# What trains. On x86 an index may give a build for GPUs of some GB: install another one first, and it stays.
torch := torch==2.13.0
TORCH ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-homeassistant chaos check bench bench-compression clean venv apt torch

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: venv  ## .venv with everything, and the default models in your cache
	@$(bin)/edge models pull

demo:  ## real footage, found people: terminal and page; no camera needed
	@.ci/venv openvino tflite web
	@$(bin)/edge models pull $(demo_models)
	@$(bin)/edge demo $(ARGS)

test: setup apt $(if $(TORCH),torch)  ## every test, with real brokers, browsers and cameras
	@$(bin)/python -m pytest -n $(JOBS) --dist loadgroup $(T)

test-homeassistant: setup apt  ## a real Home Assistant (Python 3.13, 0.5 GB) discovers, arms and switches us
	@there=$$(.ci/homeassistant) && test -z "$$there" || \
		EDGE_HOMEASSISTANT=$$there $(bin)/python -m pytest -q tests/e2e/test_home_assistant_core.py

chaos: setup apt  ## ten minutes in which everything fails; then all must have been told (ARGS="--seed 7")
	@$(bin)/python -m tests.chaos $(ARGS)

check: venv  ## format, lint, types, who imports whom
	@test -L edge/engines && test -L edge/tools || \
		{ echo "edge/engines and edge/tools must be links: clone with git, on a file system that has links"; exit 1; }
	@$(bin)/ruff format --check
	@$(bin)/ruff check
	@$(bin)/mypy
	@$(bin)/lint-imports

bench: setup  ## every figure that the README quotes
	@$(bin)/python -m bench

bench-compression: setup torch  ## what packed models are worth, beside what was published; about half an hour
	@$(bin)/python -m bench.compression

clean:  ## remove .venv and what tools left; models and the clip stay in your cache
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@.ci/venv $(all_extras)

torch: venv
	@$(bin)/python -c 'import torch' 2>/dev/null || $(bin)/pip install --quiet --disable-pip-version-check $(torch)

apt:
	@.ci/apt "the tests of MQTT, the page, RTSP cameras, the unit, the boards or the stick that need them will skip" \
		gcc libc6-dev libusb-1.0-0 mosquitto mosquitto-clients chromium systemd patch \
		python3-gi gir1.2-gst-rtsp-server-1.0 \
		gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
