# Everything that is done with the source, by name. `make help` lists it.
# `make test` on a fresh Debian machine with Go, make and git is all set-up.

FUZZTIME ?= 60s
BENCH ?= .
SEEDS ?= 1000
KILLS ?= 100
HOSTILE ?= 60
BUILD := .build

# Debian packages that the tests need, each installed only where it is missing:
# a C compiler and its headers for the race detector; SIPp, sipsak, baresip, linphone,
# twinkle, libpurple and Kamailio as foreign agents, the last never as a service,
# sipvicious as an enemy. What runs in browsers comes from npm, by its lock file, and
# needs node: Debian's where there is none.
DEBIAN := gcc libc6-dev sip-tester sipsak baresip-core linphone-cli twinkle-console libpurple-dev pkg-config \
	kamailio kamailio-presence-modules sipvicious chromium fonts-noto-cjk curl

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## the program, without cgo, as it ships
	CGO_ENABLED=0 go build -trimpath -o lamplight ./cmd/lamplight

.PHONY: tools
tools: ## install what the tests need and the machine lacks (Debian)
	@command -v dpkg-query >/dev/null || { echo "not Debian: a C compiler and the foreign agents are yours to install ($(DEBIAN))"; exit 0; }; \
	missing=; \
	for p in $(DEBIAN); do \
		dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; \
	done; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	test -n "$$missing" || exit 0; \
	as=; test "$$(id -u)" = 0 || as=sudo; \
	echo "installing$$missing"; \
	case "$$missing " in *" kamailio "*) ! command -v systemctl >/dev/null || $$as systemctl mask kamailio.service;; esac; \
	install() { DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -q --no-install-recommends $$missing; }; \
	install || { $$as apt-get update -q && install; }
	@cd interop/browser; test node_modules/.package-lock.json -nt package-lock.json || npm ci --ignore-scripts --no-audit --no-fund

.PHONY: check
check: ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l $$(go list -f '{{.Dir}}' ./...)); \
	test -z "$$unformatted" || { echo "gofmt wants to change:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...

.PHONY: test
test: tools check ## everything that must pass: check, and all tests with and without cgo
	CGO_ENABLED=1 go test -race -shuffle=on ./...
	CGO_ENABLED=0 go test ./...

.PHONY: quick
quick: ## all tests once, without the race detector
	go test ./...

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (60s)
	@set -e; for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "fuzz $$p $$f"; \
			go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$p; \
		done; \
	done

.PHONY: bench
bench: ## benchmarks, those that match BENCH
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: bench-calls
bench-calls: ## calls and their lamps through Lamplight and, beside it, through Kamailio (docs/performance.md)
	@command -v kamailio >/dev/null && test -e /usr/share/doc/kamailio-presence-modules || \
		{ echo "Kamailio is missing: apt-get install kamailio kamailio-presence-modules"; exit 1; }
	@mkdir -p $(BUILD)
	CGO_ENABLED=0 go build -trimpath -o $(BUILD)/lamplight ./cmd/lamplight
	go run ./bench/calls -lamplight $(BUILD)/lamplight $(ARGS)

.PHONY: soak
soak: ## the simulation over SEEDS (1000) seeds, KILLS (100) times kill -9, hostile runs of HOSTILE (60) seconds, bursts within 100 ms
	LAMPLIGHT_SEEDS=$(SEEDS) LAMPLIGHT_KILLS=$(KILLS) LAMPLIGHT_HOSTILE=$(HOSTILE) LAMPLIGHT_BURST=100ms go test -count=1 -timeout 0 -run 'Simulation|Soak' ./...

.PHONY: generate
generate: ## write what is generated anew
	go generate ./...

.PHONY: clean
clean: ## remove what was built
	rm -rf lamplight $(BUILD) interop/browser/node_modules
