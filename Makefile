# logis. The two commands to start with, as root: make demo, make test. `make help` lists the rest.

SHELL   := /bin/sh
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | sed 's/^v//')
# The date that pages and packages bear: of the commit; without git, of the newest change's description.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
BIN     ?= $(CURDIR)/bin
DIST    ?= $(CURDIR)/dist
LDFLAGS := -s -w $(if $(VERSION),-X github.com/logis-project/logis/api.Version=$(VERSION))
# Where Debian's zsh looks: not below share/zsh/site-functions of /usr.
ZSH_COMPLETIONS = share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)

.PHONY: fuzz help build demo demo-stop test vmtest soak bench bench-check bench-steps bench-neighbour lint manual install deb

help: ## list the targets (the default)
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

build: ## build the binaries into bin/
	@go=$$(packaging/find-go) && \
	CGO_ENABLED=0 "$$go" build -buildvcs=false -trimpath -ldflags '$(LDFLAGS)' -o '$(BIN)/' ./cmd/...

demo: ## as root: install what is missing, build, start, and create the site demo
	@packaging/demo up

demo-stop: ## as root: take the demo down again
	@packaging/demo down

test: ## as root: every test that this machine can run
	@test/run

vmtest: ## as root: the package on a Debian 12 that QEMU emulates: reboot, power cut, upgrade, purge
	@test/vm/run

soak: ## as root: 20 sites, commands and kills at random for SOAK=10m; SOAK_SEED=N repeats a run
	@test/soak

bench: ## as root: logis beside LXC, nspawn, podman and a bare chroot; BENCH=create, ROUNDS=15
	@bench/run

bench-check: ## as root: what got slower than the committed results; BENCH=create
	@bench/run -check

bench-steps: ## as root: how long the steps of a site's life take; STEP=NAME, BENCHTIME=1s
	@test/bench-steps

bench-neighbour: ## as root: a page's p99 beside a site at all its limits, against its quiet one; ROUNDS=7
	@test/neighbour

fuzz: ## every fuzz target for FUZZTIME=1m, one after the other
	@test/fuzz

lint: ## golangci-lint, govulncheck, shellcheck
	@packaging/lint

manual: ## man pages of the commands and shell completions, into dist/
	@go=$$(packaging/find-go) && "$$go" run ./packaging/manual '$(DIST)/manual'

install: build manual ## into DESTDIR, PREFIX (/usr/local or /usr); an existing logis.toml stays
	install -D -m 0755 '$(BIN)/logis'       '$(DESTDIR)$(PREFIX)/bin/logis'
	install -D -m 0755 '$(BIN)/logisd'      '$(DESTDIR)$(PREFIX)/sbin/logisd'
	install -D -m 0755 '$(BIN)/logis-proxy' '$(DESTDIR)$(PREFIX)/sbin/logis-proxy'
	install -D -m 0711 '$(BIN)/logis-init'  '$(DESTDIR)$(PREFIX)/lib/logis/logis-init'
	install -D -m 0755 '$(BIN)/logis-probe' '$(DESTDIR)$(PREFIX)/lib/logis/logis-probe'
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/system' '$(DESTDIR)/etc/logis'
	umask 022; for unit in packaging/*.service packaging/*.socket packaging/*.slice; do \
		test -e "$$unit" || continue; \
		sed 's|@SBIN@|$(PREFIX)/sbin|; s|@BIN@|$(PREFIX)/bin|' "$$unit" \
			> '$(DESTDIR)$(PREFIX)/lib/systemd/system/'"$${unit##*/}" || exit 1; \
	done
	for page in '$(DIST)'/manual/man[1-8]/* packaging/man/*.[1-8]; do \
		install -D -m 0644 "$$page" "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}" || exit 1; \
	done
	install -D -m 0644 '$(DIST)/manual/completions/logis.bash' '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/logis'
	install -D -m 0644 '$(DIST)/manual/completions/logis.fish' '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/logis.fish'
	install -D -m 0644 '$(DIST)/manual/completions/_logis'     '$(DESTDIR)$(PREFIX)/$(ZSH_COMPLETIONS)/_logis'
	test -e '$(DESTDIR)/etc/logis/logis.toml' || \
		install -m 0644 packaging/logis.toml '$(DESTDIR)/etc/logis/logis.toml'
	test -n '$(DESTDIR)' || packaging/accounts

deb: ## the Debian package, dist/logis_VERSION_amd64.deb
	@rm -rf '$(DIST)/tree'
	@$(MAKE) --silent --no-print-directory install DESTDIR='$(DIST)/tree' PREFIX=/usr
	@go=$$(packaging/find-go) && cd packaging/deb && \
	SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)' "$$go" run . '$(DIST)/tree' '$(DIST)'
