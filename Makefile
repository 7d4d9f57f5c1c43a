# linkersync: every check and every figure is a target here; CI runs nothing else.
# `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Relative, because a path with a space in it is no target.
TOOLS := .tools
FUNCTIONS := $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))
# The architecture that template.yaml deploys to.
FUNCTION_ARCH := arm64
# One set of flags builds every binary and every `go run`, so that a clone compiles each package once.
# action/Dockerfile has the same. Only the command's version is added when it is linked: a version in
# the functions would make each commit's zips new. Asking git for a commit (buildvcs) fails where the
# checkout is another user's, as in a container.
LDFLAGS := -s -w
export CGO_ENABLED := 0
export GOFLAGS := $(shell go env GOFLAGS 2>/dev/null) -buildvcs=false -trimpath -tags=lambda.norpc '-ldflags=$(LDFLAGS)'
FUZZTIME ?= 30s
MINUTES ?= 10

GOLANGCI_LINT := $(TOOLS)/golangci-lint-v2.15.0
ACTIONLINT := $(TOOLS)/actionlint-v1.7.12
GOVULNCHECK := $(TOOLS)/govulncheck-v1.9.0
DEADCODE := $(TOOLS)/deadcode-v0.52.0
GORELEASER := $(TOOLS)/goreleaser-v2.16.0
BENCHSTAT := $(TOOLS)/benchstat-v0.0.0-20260908200009-22c9c6c9d4da

##@ Start here
.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## The whole job on this machine, without an account: a token, links, a drift, the end of linkers
	$(call quietly,demo)
	@bin/demo

.PHONY: serve
serve: ## The same stack, staying up; prints how to reach it and writes .local/env
	$(call quietly,serve)
	@exec bin/serve

# quietly TOOL builds what a tool of internal/tools runs, and shows the build's output only when it fails.
define quietly
@mkdir -p .local
@echo "building (from an empty cache this takes a minute or two)"
@$(MAKE) --no-print-directory build functions-local >.local/build.log 2>&1 || { cat .local/build.log; exit 1; }
@go build -o bin/$(1) ./internal/tools/$(1)
endef

##@ Build
.PHONY: build
build: ## bin/linkersync, the command
	go build -ldflags "$(LDFLAGS) -X main.version=$(VERSION)" -o bin/linkersync ./action/linkersync

.PHONY: functions-local
functions-local: ## bin/functions/<name>/bootstrap for this machine
	$(foreach f,$(FUNCTIONS),go build -o bin/functions/$(f)/bootstrap ./functions/$(f);)

.PHONY: package
package: ## dist/<function>.zip as template.yaml deploys them
	$(foreach f,$(FUNCTIONS),GOOS=linux GOARCH=$(FUNCTION_ARCH) go build -o dist/$(f)/bootstrap ./functions/$(f);)
	bash .ci/package.sh dist $(FUNCTIONS)

.PHONY: image
image: ## The container image of action.yml and pipe.yml
	bash .ci/image.sh

.PHONY: deploy
deploy: deploy-needs package ## Deploy template.yaml to your AWS account, asking for each parameter
	sam deploy --guided --template-file template.yaml --capabilities CAPABILITY_IAM

# Before anything is built: a zip with the example's descriptor would offer the example's app.
.PHONY: deploy-needs
deploy-needs:
	@command -v sam >/dev/null || { echo "sam is missing: install the AWS SAM CLI (pip install aws-sam-cli), see docs/deploy.md"; exit 1; }
	@[ -n "$(DESCRIPTOR)" ] || { echo "DESCRIPTOR is not set: give your app's descriptor, as in make deploy DESCRIPTOR=atlassian-connect.json"; exit 1; }
	@[ -r "$(DESCRIPTOR)" ] || { echo "$(DESCRIPTOR) can't be read: DESCRIPTOR names no file"; exit 1; }

# For linux, macOS and Windows, with completions, man pages and packages. It needs the network once.
.PHONY: snapshot
snapshot: $(GORELEASER) ## The command as a release has it, for every platform, in dist/command
	$(GORELEASER) release --clean --snapshot --skip=publish,sbom

.PHONY: archives
archives: $(GORELEASER) ## The same for a tag, with a bill of materials for each binary
	$(GORELEASER) release --clean --skip=publish

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf bin dist .local

##@ Check
.PHONY: test
# The race detector makes each command that a script starts sleep for a second before it
# exits, for goroutines that still run.
test: export GORACE ?= atexit_sleep_ms=50
test: export CGO_ENABLED := 1
test: ## Every test, with the race detector, in random order
	@[ "$$(env -u CGO_ENABLED go env CGO_ENABLED)-$$(go env GOOS)" != 0-linux ] || { echo "the race detector needs a C compiler (Debian: apt-get install gcc libc6-dev)"; exit 1; }
	bash .ci/test.sh

.PHONY: test-aws
test-aws: ## The AWS contract tests and the event flow against moto (makes its own virtual environment)
	bash .ci/test-aws.sh

.PHONY: test-action
test-action: ## action.yml run by act in a container against the simulators (needs Docker)
	bash .ci/test-action.sh

.PHONY: tasks
tasks: ## A stranger's ten tasks with documented commands, against the stack of make serve
	bash .ci/tasks.sh

.PHONY: test-page
test-page: ## The status page in a real browser: filter, sort, dark mode, keyboard, accessibility
	bash .ci/page.sh

.PHONY: screenshots
screenshots: ## Pictures of the status page, in bin/screenshots
	mkdir -p bin/screenshots
	bash .ci/page.sh bin/screenshots

.PHONY: picture
picture: ## docs/status-light.png and status-dark.png: the status page of a real run
	bash .ci/page.sh picture

.PHONY: lint
lint: fmt-check check $(ACTIONLINT) ## Format, vet, static analysis, workflows, Go version, Markdown, commit subjects
	$(GOLANGCI_LINT) run
	$(ACTIONLINT)
	$(ACTIONLINT) examples/github-workflow.yml

# The rule about subjects holds since this commit.
BASE ?= b5864ec

.PHONY: check
check: ## One Go version everywhere, Markdown lines of 100 characters, commit subjects of 65 since BASE
	go run ./internal/tools/check -base "$(BASE)"

.PHONY: lint-template
lint-template: ## cfn-lint, sam validate and our own assertions on the expanded template
	bash .ci/lint-template.sh

.PHONY: lint-workflows
lint-workflows: ## zizmor: what an attacker could do with the workflows
	bash .ci/lint-workflows.sh

.PHONY: vulnerabilities
vulnerabilities: $(GOVULNCHECK) ## govulncheck, which needs the network for its database
	$(GOVULNCHECK) ./...

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## Format the code
	$(GOLANGCI_LINT) fmt

.PHONY: fmt-check
fmt-check: $(GOLANGCI_LINT) ## Show what `make fmt` would change, and fail
	@$(GOLANGCI_LINT) fmt --diff || { echo "not formatted: run make fmt"; exit 1; }

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME each (default 30s)
	bash .ci/fuzz.sh $(FUZZTIME)

.PHONY: soak
soak: functions-local build ## The whole stack under random events, faults and kills for MINUTES (default 10)
	go run ./internal/tools/soak -duration $(MINUTES)m

##@ Measure
.PHONY: bench
bench: $(BENCHSTAT) ## Go benchmarks with allocations, benchstat's summary and comparisons
	bash .ci/bench.sh $(BENCHSTAT)

.PHONY: plot
plot: ## docs/growth.svg: how cost grows with values and installations
	@mkdir -p .local
	go run ./internal/tools/growth | tee .local/growth.csv
	cd internal/tools/plot && go run . ../../../.local/growth.csv ../../../docs/growth.svg

.PHONY: coverage
coverage: ## .local/cover.out: which of the product's statements the tests run
	@mkdir -p .local
	go test -count=1 -coverpkg=./functions/...,./action/...,./shared/... -coverprofile=.local/cover.out ./...

.PHONY: stats
stats: coverage $(DEADCODE) ## Every figure of the house: lines, functions, coverage, repetition, dead code, zips, starts, image
	go run ./internal/tools/stats -cover .local/cover.out
	@printf 'functions that nothing reaches: '; $(DEADCODE) -test ./... | tee .local/deadcode.txt | wc -l; cat .local/deadcode.txt
	$(MAKE) --no-print-directory package bench-coldstart image

.PHONY: stats-cpu
stats-cpu: ## CPU of a clone's `make run` beside that of `go build std` (some minutes)
	bash .ci/stats-cpu.sh

.PHONY: bench-coldstart
bench-coldstart: functions-local ## Start-up of each function beside an empty handler, with its limits
	go build -o bin/empty/bootstrap ./internal/tools/empty
	go run ./internal/tools/coldstart

.PHONY: bench-fleet
bench-fleet: functions-local ## 10,000 installations, unchanged and changed
	go run ./internal/tools/fleet

.PHONY: bench-peers
bench-peers: ## Lifecycle callbacks beside atlassian-connect-express (needs Node)
	bash .ci/bench-peers.sh

.PHONY: bench-action
bench-action: build ## A no-change apply beside the start of node; image size
	bash .ci/bench-action.sh

$(GOLANGCI_LINT):
	$(call install_tool,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)
$(ACTIONLINT):
	$(call install_tool,github.com/rhysd/actionlint/cmd/actionlint)
$(GOVULNCHECK):
	$(call install_tool,golang.org/x/vuln/cmd/govulncheck)
$(DEADCODE):
	$(call install_tool,golang.org/x/tools/cmd/deadcode)
$(GORELEASER):
	$(call install_tool,github.com/goreleaser/goreleaser/v2)
$(BENCHSTAT):
	$(call install_tool,golang.org/x/perf/cmd/benchstat)

# install_tool PKG builds a pinned tool into .tools; the version is the end of the target's name.
define install_tool
@echo "installing $(notdir $@)"
@GOBIN="$(CURDIR)/$(TOOLS)/tmp" go install $(1)@$(shell echo $(notdir $@) | sed -E 's/^[a-z-]+-(v[0-9].*)$$/\1/') || { echo "could not install $(notdir $@), see above"; exit 75; }
@mv $(TOOLS)/tmp/$(shell echo $(notdir $@) | sed -E 's/-v[0-9].*$$//') $@
endef
