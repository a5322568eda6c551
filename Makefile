# The two commands: `make demo` does the main job, `make test` runs every test. Each installs what it
# lacks, builds and runs.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
VENV := .venv
PEERS := onnxruntime onnx numpy pillow

.PHONY: all setup venv build demo test test-asan test-tsan bench kernel-bench format format-check lint clean
all: build

setup:
	@tools/setup.sh

venv: setup
	@test -f $(VENV)/.peers || (python3 -m venv $(VENV) && $(VENV)/bin/pip -q install $(PEERS) && touch $(VENV)/.peers)

build: setup
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) -j $(JOBS)

demo: setup
	@cmake --preset release -DDEFTNN_BUILD_TESTS=OFF -DDEFTNN_BUILD_BENCHMARKS=OFF -B build/cli >/dev/null
	@cmake --build build/cli -j $(JOBS) --target deftnn_cli
	@examples/fashion_mnist/demo.sh build/cli/deftnn build/demo

test: setup venv
	@JOBS=$(JOBS) tools/test.sh

test-asan test-tsan: setup
	@JOBS=$(JOBS) tools/sanitize.sh $(@:test-%=%)

bench: build venv
	@$(VENV)/bin/python bench/against_onnxruntime.py --deftnn $(BUILD)/deftnn examples/fashion_mnist/fashion_vgg.onnx

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
