# Every target here works as the first thing typed on a new machine: it installs and builds what it needs.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build demo test chaos kills sanitize kernels throughput files million fuzz wire bench format lint clean

data := $(or $(LORGNETTE_HOME),$(or $(XDG_DATA_HOME),$(HOME)/.local/share)/lorgnette)
lorgnette := .build/release/lorgnette
check := --explicit-target-dependency-import-check error
format_options := --configuration .swift-format --parallel --recursive
sources := Package.swift Sources Tests

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: ## install missing packages, the starter models and the demo pictures
	@Sources/setup/setup.sh

build: setup ## build the programs, optimised
	@swift build -c release $(check)

demo: build ## describe the eight demo pictures and print a table
	@$(lorgnette) run pipelines/describe.yaml "$(data)/demo" --out .build/demo --table

test: setup ## build and run every test
	@swift build --build-tests $(check)
	@Tests/run.sh

chaos: build ## 20,000 tiny pictures under every fault that --chaos knows, with the coordinator killed, too (SEED=2: others)
	@python3 Tests/Chaos/soak.py $(lorgnette) --seed $(or $(SEED),1)

kills: build ## kill workers and the coordinator of the real experts during a run over 500 pictures, a tenth of them damaged
	@Tests/Chaos/run.sh $(lorgnette) "$(data)/demo"

sanitize: setup ## the tests of wire, coordinator, workers and kernels with the address and the thread sanitizer
	@Tests/sanitize.sh

kernels: setup ## the tests of kernels and models with every set of kernels that this processor runs
	@swift build --build-tests $(check)
	@Tests/kernels.sh

throughput: build ## 10,000 tiny pictures through a trivial expert: items a second, the coordinator's memory
	@python3 Tests/Chaos/throughput.py $(lorgnette)

files: build ## files that lie through encoder and OCR: each outcome, the workers' peak memory
	@python3 Tests/Chaos/bad_files.py $(lorgnette)

million: build ## a million files in one folder, and 100,000 pictures done before: memory and time
	@python3 Tests/Chaos/million.py $(lorgnette)

fuzz: build ## 200,000 damaged files for each reader of models, pictures and pipelines: how many were read, how many refused
	@.build/release/Fuzz 200000 .build/fuzz

wire: build ## a million damaged messages to a worker and to the coordinator, over their sockets
	@"$${LORGNETTE_HOME:-$$HOME/.local/share/lorgnette}/python/bin/python" Tests/Chaos/wire_fuzz.py $(lorgnette)

bench: build ## measure models, folders and stages on this machine
	@$(lorgnette) bench

format: ## format the sources in place
	@swift format $(format_options) --in-place $(sources)

lint: ## say where the sources are not formatted
	@swift format lint $(format_options) --strict $(sources)

clean: ## remove what was built; models and pictures stay
	@swift package clean
	@rm -rf .build/demo .build/chaos .build/kills .build/address .build/thread .build/throughput .build/files .build/million .build/fuzz
