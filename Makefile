# make demo: the denoiser, from ONNX file to running int8 hops.   make test: lint and every test.
# Both make .venv from PyPI, pinned by constraints.txt, and are quick the second time.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-processors test-installs test-floor peers bench bench-layers bench-litert fpga-full fpga-fuzz hls4ml release proof digests stream-fuzz fuzz c-check pi soak faults quant-table quant-goals diffusion-table docs kernels lint ruff mypy pyright system-tools compiler clean

PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO := demo-denoise

help:
	@echo "make demo   export the bundled denoiser, stream a noisy clip through it, write $(DEMO)/"
	@echo "make test   ruff, mypy, pyright, and a test of each kind"
	@echo "make test-all   the same, the tests that are marked slow, and make test-processors"
	@echo "make test-processors   the tests as older processors round: tests/processors.py has a row for each"
	@echo "make test-installs   every verb in installs of their own: the wheel without extras, with each, with all"
	@echo "make test-floor   what imports torch modules, with the oldest torch that EdgeKit takes"
	@echo "make bench  the C of the benchmark networks beside other engines, into docs/results/benchmarks.md"
	@echo "make bench-layers   single layers of real networks beside onnxruntime and LiteRT"
	@echo "make bench-litert  the int8 .tflite of target litert beside that of LiteRT's own tools"
	@echo "make lint   ruff, mypy, pyright"
	@echo "make docs   the pages of docs/ as a site, in site/"
	@echo "make proof  CBMC shows that the portable kernels stay inside their arrays"
	@echo "make kernels   the files and prototypes of integer kernels, from targets/c/stubs.py"
	@echo "make digests   pins the bytes that lowering emits now, and what networks cost, in tests/pinned/"
	@echo "make stream-fuzz   TIMES=10 as many random networks through the streaming rewrite as make test"
	@echo "make fuzz          MINUTES=60 of new seeds through import, lowering, oracle and C; reproducers in fuzz-found/"
	@echo "make c-check       generated C under sanitizers, valgrind, analyzers, libFuzzer and proofs from object code"
	@echo "make pi            EdgeKit itself on aarch64, in Debian's arm64 Python under QEMU"
	@echo "make soak          HOURS=24 of sound through the denoiser's C: memory, drift, denormals, bursts"
	@echo "make faults        MOMENTS=200 at which verbs are killed; a full disk; two exports into one folder"
	@echo "make quant-table   what each part of a recipe is worth on GTCRN, into docs/results/quantization-parts.md"
	@echo "make quant-goals   what quantization costs the published networks"
	@echo "make diffusion-table   what quantization costs the digit generator, into docs/results/diffusion.md"
	@echo "make fpga-fuzz   1200 random networks through the FPGA's lowering, 1000 through its RTL"
	@echo "make release     what is uploaded: wheels and sdist in dist/, the bill of materials in sbom/"
	@echo "make fpga-full   yosys and nextpnr over engines of all sizes, a frame of CoDeNet through RTL, HLS with other compilers"
	@echo "make clean  remove what these made"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a venv: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/demo.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --no-compile --constraint constraints.txt --editable '.[demo]'
	@touch $@

$(VENV)/test.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --no-compile --constraint constraints.txt --editable '.[test]'
	@touch $@ $(VENV)/demo.stamp

# What the tests use beyond PyPI, from apt. Packages of PyPI need no bytecode before they run: --no-compile.
system-tools:
	@.ci/system-tools

# Where no C compiler is on PATH, PyPI's ziglang is one.
compiler: | $(BIN)/python
	@command -v cc gcc clang >/dev/null || $(BIN)/python -c 'import ziglang' 2>/dev/null \
	|| $(PIP) install --quiet --constraint constraints.txt ziglang

demo: $(VENV)/demo.stamp compiler
	@rm -rf $(DEMO)
	$(BIN)/edgekit demo denoise -o $(DEMO)

lint: ruff mypy pyright

ruff: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

mypy pyright: $(VENV)/test.stamp
	$(BIN)/$@

kernels: $(VENV)/test.stamp
	$(BIN)/python -m edgekit.targets.c.stubs

# Integers of HLS tools, for tests of an engine's HLS: of this package headers alone, none of what it depends on.
HLS4ML := $(VENV)/hls4ml
hls4ml: $(HLS4ML)/stamp
$(HLS4ML)/stamp: | $(BIN)/python
	$(PIP) install --quiet --no-deps --target $(HLS4ML) hls4ml==1.3.0
	@touch $@

# What tests skip without: most of its time goes to downloads, so it comes beside the lint.
.PHONY: optional
optional: $(VENV)/test.stamp
	-@$(MAKE) --no-print-directory hls4ml
	-@$(BIN)/python bench published_networks

# Tests compile the same kernels over and over: where ccache is, once.
CACHED := PATH="/usr/lib/ccache:$$PATH" CCACHE_DIR="$(CURDIR)/$(VENV)/ccache"
test: SELECTED := -m "not slow"
test test-all:
	@$(MAKE) --no-print-directory --jobs=2 $(VENV)/test.stamp system-tools
	@$(MAKE) --no-print-directory --jobs=4 compiler lint optional
	$(CACHED) $(BIN)/python -m pytest --numprocesses auto --dist loadfile --durations 25 $(SELECTED)
	$(if $(filter test-all,$@),$(CACHED) $(BIN)/python tests/processors.py)

test-processors: $(VENV)/test.stamp compiler
	$(CACHED) $(BIN)/python tests/processors.py

test-installs: $(VENV)/test.stamp compiler
	PYTHONPATH=bench $(BIN)/python tests/installs.py

# The oldest that pyproject.toml takes, and what it brings: pip's index has it with CUDA, some gigabytes.
FLOOR := torch==2.8.0 torchvision==0.23.0
$(VENV)-floor/stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-floor
	$(VENV)-floor/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt $(FLOOR) --editable '.[test]'
	@touch $@

test-floor: $(VENV)-floor/stamp compiler
	$(VENV)-floor/bin/python -m pytest -m "not slow" tests/export tests/test_deployment.py tests/test_frontend.py

digests: $(VENV)/test.stamp
	$(BIN)/python tests/digests.py
	$(BIN)/python tests/costs.py

TIMES := 10
CORES := $(shell nproc)
stream-fuzz: $(VENV)/test.stamp
	seq $(CORES) | env -u CI STREAM_FUZZ=$$(($(TIMES) / $(CORES) + 1)) xargs -P $(CORES) -I SEED nice -n 15 $(BIN)/python -m pytest \
		-p no:cacheprovider --hypothesis-seed SEED tests/test_stream_random.py
	nice -n 15 $(BIN)/python -m pytest tests/runtime/test_blocks.py

MINUTES := 60
fuzz: $(VENV)/test.stamp compiler
	PYTHONPATH=tests:bench nice -n 15 $(BIN)/python tests/fuzz/run.py --minutes $(MINUTES) --state fuzz-found.json

c-check: $(VENV)/test.stamp compiler
	-@$(BIN)/python bench published_networks
	$(BIN)/python bench c_check

# EdgeKit itself on aarch64, under user emulation.
pi: $(VENV)/test.stamp compiler
	@.ci/system-tools
	$(BIN)/python bench raspberry_pi

# CBMC proves that the portable kernels stay inside their arrays: kernels by name, or all.
proof: $(VENV)/test.stamp
	@.ci/system-tools
	PYTHONPATH=bench $(BIN)/python tests/kernel_proofs.py --write $(KERNELS)

HOURS := 24
soak: $(VENV)/test.stamp compiler
	$(BIN)/python bench soak --hours $(HOURS)
	$(BIN)/python bench soak_streams

MOMENTS := 200
faults: $(VENV)/test.stamp compiler
	$(BIN)/python bench faults --moments $(MOMENTS) --state faults-found.json

$(VENV)/bench.stamp: $(VENV)/test.stamp
	$(PIP) install --quiet --constraint constraints.txt --editable '.[bench]'
	-$(PIP) install --quiet setuptools cython && $(PIP) install --quiet --no-build-isolation 'pesq==0.0.4'
	@touch $@

$(VENV)-docs/stamp: docs/requirements.txt | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip --disable-pip-version-check install --quiet --requirement docs/requirements.txt
	@touch $@

docs: $(VENV)-docs/stamp
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --site-dir site

quant-table: $(VENV)/bench.stamp
	$(BIN)/python bench quant_table --write

quant-goals: $(VENV)/bench.stamp
	$(BIN)/python bench quant_goals

diffusion-table: $(VENV)/test.stamp compiler
	$(BIN)/python bench diffusion_table --write

# Other engines have environments of their own: their packages clash.
export EDGEKIT_PEERS := $(CURDIR)/.venv-peers
peers: $(VENV)/test.stamp compiler
	$(BIN)/python bench published_networks
	$(BIN)/python bench install_peers

# A run that was cut goes on where it stopped.
bench: peers
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python bench peers --out docs/results/benchmarks.md

bench-layers: $(VENV)/bench.stamp compiler
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python bench layers --against onnxruntime litert

bench-litert: peers
	$(BIN)/python bench litert_own --tools $(EDGEKIT_PEERS)/litert/bin/python

fpga-full: $(VENV)/test.stamp $(HLS4ML)/stamp
	@.ci/system-tools
	$(BIN)/python -m pytest tests/test_fpga_hls.py tests/fpga/test_tiles.py
	$(BIN)/python bench fpga_hls_fuzz
	$(BIN)/python bench fpga_datapaths 1x2x4
	$(BIN)/python bench fpga_synthesis
	$(BIN)/python bench fpga_synthesis --engine 2x1
	$(BIN)/python bench fpga_codenet a --frame

fpga-fuzz: $(VENV)/test.stamp
	@.ci/system-tools
	$(BIN)/python bench fpga_fuzz --state fpga-fuzz.json
	FPGA_FUZZ=20 $(BIN)/python -m pytest tests/test_fpga_random.py -k "not whole_networks_follow"

# The bill of materials lists what pip installs with the wheel alone.
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' src/edgekit/__init__.py)
RELEASE := $(VENV)-release
$(RELEASE)/stamp: Makefile constraints.txt
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt setuptools cyclonedx-bom==7.5.0 twine==7.0.0
	@touch $@

release: export SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),315532800)
release: $(RELEASE)/stamp
	@rm -rf dist sbom $(RELEASE)/installed && mkdir sbom
	$(RELEASE)/bin/python bench release dist
	$(RELEASE)/bin/twine check --strict dist/*
	@$(PYTHON) -m venv --without-pip $(RELEASE)/installed
	@$(RELEASE)/bin/python -m pip --disable-pip-version-check --python $(RELEASE)/installed install --quiet --constraint constraints.txt dist/edgekit_deploy-$(VERSION)-*.whl
	@sed 's/^dynamic = .*/version = "$(VERSION)"/' pyproject.toml > $(RELEASE)/pyproject.toml
	$(RELEASE)/bin/cyclonedx-py environment --output-reproducible --pyproject $(RELEASE)/pyproject.toml -o sbom/edgekit-deploy.cdx.json $(RELEASE)/installed

clean:
	rm -rf $(VENV) .venv-docs .venv-floor .venv-peers .venv-release .venv-tflite $(DEMO) build dist sbom site
