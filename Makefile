# The two commands: `make demo` does the main job, `make test` runs every test. Each installs what it
# lacks, builds and runs.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)

.PHONY: all setup build demo test bench format format-check lint clean
all: build

setup:
	@tools/setup.sh

build: setup
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) -j $(JOBS)

test: setup
	@tools/test.sh

format: setup
	@git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-16 -i

format-check: setup
	@git ls-files -co --exclude-standard '*.cc' '*.h' | xargs clang-format-16 --dry-run --Werror

lint: setup
	@cmake --preset dev >/dev/null
	@tools/lint.sh all

clean:
	@rm -rf build
