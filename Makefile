# The two commands: `make demo` does the main job, `make test` runs every test. Each installs what it
# lacks, builds and runs.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
VENV := .venv
# ONNX Runtime and what the tests need; the bench's further peers are optional: a table says which are missing.
PYTHON_PACKAGES := onnxruntime onnx numpy pillow
PEERS := openvino ncnn nncf scipy mkl
# Options of `make bench`, `make bench-check` and `make accuracy`: ARGS="--quick --models resnet18,lenet5"
ARGS ?=

.PHONY: all setup venv peers build demo test test-asan test-tsan bench bench-check bench-worker bench-sparse kernel-bench accuracy paper \
        format format-check lint clean
all: build

setup:
	@tools/setup.sh

venv: setup
	@test -f $(VENV)/.peers || (python3 -m venv $(VENV) && $(VENV)/bin/pip -q install $(PYTHON_PACKAGES) && touch $(VENV)/.peers)

# pnnx converts for ncnn; it asks for PyTorch, which that does not need.
peers: venv
	@test -f $(VENV)/.bench_peers || { for peer in $(PEERS) "--no-deps pnnx"; do $(VENV)/bin/pip -q install $$peer || \
		echo "peers: $$peer could not be installed"; done; touch $(VENV)/.bench_peers; }

build: setup
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) -j $(JOBS)

demo:
	@tools/setup.sh --without-tune
	@cmake --preset release -DDEFTNN_BUILD_TESTS=OFF -DDEFTNN_BUILD_BENCHMARKS=OFF -B build/cli >/dev/null
	@cmake --build build/cli -j $(JOBS) --target deftnn_cli
	@examples/fashion_mnist/demo.sh build/cli/deftnn build/demo

test: setup venv
	@JOBS=$(JOBS) tools/test.sh

test-asan test-tsan: setup
	@JOBS=$(JOBS) tools/sanitize.sh $(@:test-%=%)

bench-worker: setup
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS) --target deftnn_bench_worker deftnn_cli

# Writes bench/results/<cpu>.md and .json; the shared models are those of DEFTNN_DATA (../shared).
bench: bench-worker peers
	@$(VENV)/bin/python bench/run.py $(ARGS)

# Against bench/thresholds.toml, measured now, or ARGS="--from bench/results/<cpu>.json".
bench-check: bench-worker peers
	@$(VENV)/bin/python bench/check.py $(ARGS)

# The paper's method beside ours: examples/paper/results.json and docs/plots/; hours.
paper: setup venv
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS) --target deftnn_cli
	@$(VENV)/bin/python examples/paper/reproduce.py $(ARGS)
	@$(VENV)/bin/python examples/paper/plot.py

# The same number of weights as a smaller dense product and as a sparse one.
bench-sparse: bench-worker peers
	@$(VENV)/bin/python bench/sparse.py $(ARGS)
	@$(VENV)/bin/python bench/sparse_accuracy.py

# Hours; goes on where it was cut off. A part: ARGS="--rows mnist8-2x --seeds 1".
accuracy: setup venv
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS) --target deftnn_cli
	@$(VENV)/bin/python bench/accuracy.py $(ARGS)

kernel-bench: build
	@$(BUILD)/deftnn_kernel_bench

format: setup
	@git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-16 -i

format-check: setup
	@git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-16 --dry-run --Werror

lint: setup
	@JOBS=$(JOBS) tools/lint.sh all

clean:
	@rm -rf build
