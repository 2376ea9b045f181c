# Thin: each target is a line that a person could type; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-forge test-rust check bench fmt abi vectors snapshots coverage \
	mutants prove deep clean

CARGO := cargo
FORGE := . script/lib.sh && forge
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s%s\n", $$1, $$2 }'

setup: ## say what is missing on this machine, install the npm packages
	@script/setup.sh

demo: setup ## one allocation from a signed offer to an offline proof, on two real chains
	@$(CARGO) run --locked --quiet -p fallow-cli --bin fallow -- demo

up: setup ## a whole network on this machine, kept in fallow-network/ (ARGS=--fresh starts over)
	@$(CARGO) run --locked --quiet -p fallow-cli --bin fallow -- up $(ARGS)

test: setup ## all tests: Solidity, Rust, end to end
	@script/test.sh

test-forge: setup ## the Solidity tests only (FOUNDRY_PROFILE=lite compiles faster)
	@script/test.sh forge

test-rust: setup ## the Rust and end-to-end tests only
	@script/test.sh rust

check: setup ## formatters, linters, documentation, freshness of generated files
	@script/check.sh

bench: setup ## measure and write bench.json (GROUP=name for one group of figures)
	@node script/figures.mjs $(GROUP)

fmt: setup ## format Solidity and Rust
	@$(FORGE) fmt
	@$(CARGO) fmt --all

abi: setup ## regenerate rust/chain/abi and the contracts of Rust tests
	@$(FORGE) build contracts test/utils/FalseRegistries.sol test/utils/Forwarder.sol
	@node script/abi.mjs

vectors: ## regenerate test/vectors and the examples in docs/protocol.md
	@$(CARGO) run --locked --quiet -p fallow-protocol --example vectors

snapshots: setup ## regenerate the gas figures in test/snapshots
	@rm -rf test/snapshots && mkdir -p test/snapshots
	@. script/lib.sh && gas_tests --gas-snapshot-emit true

coverage: setup ## coverage of the contracts: a table, and lcov.info
	@FOUNDRY_PROFILE=coverage; export FOUNDRY_PROFILE; mkdir -p out/figures; $(FORGE) coverage \
		--report summary --report lcov --no-match-coverage '^(node_modules|script|test)/'

mutants: setup ## change the contracts in small ways, print what no test notices (FILE=, SAMPLE=)
	@node script/mutants.mjs $(FILE)

prove: setup ## prove the slot arithmetic and the replay window for all inputs
	@script/prove.sh

deep: setup ## the long fuzz and invariant runs of the night
	@script/deep.sh

clean: ## remove what was built, but not the npm packages
	@rm -rf out cache lcov.info bench.json fallow-demo
	@$(CARGO) clean
