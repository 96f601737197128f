# The front door. Everything else is in scripts/ and meson.build.
.PHONY: all demo demo-vm have-vm test fuzz bench bench-vm vm deps build clean help

all: build

help:
	@echo 'make demo    set up, build, and carry one insurance claim through two attested enclaves'
	@echo 'make demo-vm the same with both enclaves booted in QEMU; make vm first'
	@echo 'make test    set up, build, and run every test'
	@echo 'make fuzz    run every fuzz target for 30 seconds'
	@echo 'make bench   measure, print a table, write build/bench.json'
	@echo 'make bench-vm measure an enclave in a virtual machine, write build/bench-vm.json'
	@echo 'make vm      build the tools of the virtual machine tier into the cache (once, some 15 minutes)'
	@echo 'make build   set up and build into build/'
	@echo 'make deps    install the Debian packages only'
	@echo 'make clean   remove build folders (the cache outside the tree stays)'

deps:
	@scripts/deps

build:
	@scripts/setup
	@scripts/build build

demo: build
	@scripts/demo

demo-vm: have-vm build
	@scripts/demo-vm

have-vm:
	@scripts/vm --if-built >/dev/null || { echo "cmaw: the virtual machine's tools are not built: make vm builds them, once" >&2; exit 1; }

test: build
	@scripts/test

fuzz:
	@scripts/setup
	@scripts/fuzz

bench: build
	@scripts/bench

bench-vm: have-vm build
	@scripts/bench-vm

vm:
	@scripts/vm

clean:
	rm -rf build build-asan build-tsan build-fuzz
