# make demo   builds everything and runs it on simulated providers, until Ctrl-C
# make test   sets up what the tests need and runs them
# The other targets are parts of .ci/run, and for work on the code.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD   := go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

export CGO_ENABLED ?= 0

.PHONY: build demo test moves sdk gosdk race fuzz bench lint fmt cross clean

build:
	@$(BUILD) -o bin/oido ./cmd/oido

demo: build
	@exec bin/oido demo

# Uncached: some tests run the built binary or read the repository, and the
# cache of test results sees neither.
test: sdk
	@go test -count=1 ./...
	@$(MAKE) --no-print-directory gosdk

# All orders in which a session is moved between providers; make test has some.
moves:
	@go test -count=1 -run TestASessionMoves ./test/e2e -moves 200

# The official Go SDKs are a module of their own: the product depends on none.
gosdk:
	@cd test/gosdk && go test -count=1 ./...

# The official SDKs of the providers, as clients in tests.
sdk: $(patsubst %package.json,%node_modules/.package-lock.json,$(wildcard test/sdk/package.json))

test/sdk/node_modules/.package-lock.json: test/sdk/package.json $(wildcard test/sdk/package-lock.json test/sdk/.npmrc)
	@if ! command -v npm >/dev/null && [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null; fi
	@command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
		{ echo "make test: Node.js 20 or later with npm is needed for the SDK suite; install it and run again" >&2; exit 1; }
	@cd test/sdk && npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# Everything under test/ starts whole programs, whose race detector is their own.
race:
	@packages=$$(go list ./... | grep -Ev '/test(/|$$)'); CGO_ENABLED=1 go test -race -count=1 $$packages

fuzz:
	@tools/fuzz

# The binary beside a bare proxy, then what has no proxy to compare with.
bench: build
	@status=0; go run ./bench || status=$$?; \
	go test -run '^$$' -bench 'Peek|Survey|Reader|WriteTurns' -benchmem ./internal/wire ./internal/wire/sse ./internal/store/sqlite | grep ^Benchmark; \
	exit $$status

lint:
	@go tool -modfile=tools/go.mod golangci-lint run ./...
	@cd test/gosdk && go tool -modfile=../../tools/go.mod golangci-lint run ./...

fmt:
	@go tool -modfile=tools/go.mod gofumpt -w $$(git ls-files '*.go')

cross:
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
		echo "$$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} $(BUILD) -o bin/oido-$${target%/*}-$${target#*/} ./cmd/oido; \
	done

clean:
	@rm -rf bin test/sdk/node_modules
