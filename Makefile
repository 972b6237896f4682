# logis. The two commands to start with, as root: make demo, make test. `make help` lists the rest.

SHELL   := /bin/sh
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | sed 's/^v//')
LDFLAGS := -s -w $(if $(VERSION),-X github.com/logis-project/logis/api.Version=$(VERSION))

.PHONY: help build demo demo-stop test lint install

help: ## list the targets (the default)
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

build: ## build the four binaries into bin/
	@go=$$(packaging/find-go) && \
	CGO_ENABLED=0 "$$go" build -buildvcs=false -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

demo: ## as root: install what is missing, build, start, and create the site demo
	@packaging/demo up

demo-stop: ## as root: take the demo down again
	@packaging/demo down

test: ## as root: every test that this machine can run
	@test/run

lint: ## golangci-lint, govulncheck, shellcheck
	@packaging/lint

install: build ## into DESTDIR, PREFIX (/usr/local or /usr); an existing logis.toml stays
	install -D -m 0755 bin/logis       '$(DESTDIR)$(PREFIX)/bin/logis'
	install -D -m 0755 bin/logisd      '$(DESTDIR)$(PREFIX)/sbin/logisd'
	install -D -m 0755 bin/logis-proxy '$(DESTDIR)$(PREFIX)/sbin/logis-proxy'
	install -D -m 0711 bin/logis-init  '$(DESTDIR)$(PREFIX)/lib/logis/logis-init'
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/system' '$(DESTDIR)/etc/logis'
	for unit in logis logis-proxy; do \
		sed 's|@SBIN@|$(PREFIX)/sbin|' packaging/$$unit.service \
			> '$(DESTDIR)$(PREFIX)/lib/systemd/system/'$$unit.service || exit 1; \
	done
	test -e '$(DESTDIR)/etc/logis/logis.toml' || \
		install -m 0644 packaging/logis.toml '$(DESTDIR)/etc/logis/logis.toml'
	test -n '$(DESTDIR)' || packaging/accounts
