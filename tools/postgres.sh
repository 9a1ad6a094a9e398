#!/usr/bin/env bash
# Makes sure that there are PostgreSQL server programs for the tests: finds them, or installs them
# with apt (as root or through sudo) or brew, or says what to do. Starts nothing.
set -euo pipefail

found() {
	[ -n "${ACCOUNTS_TEST_DSN:-}" ] && return
	if [ -n "${ACCOUNTS_PG_BIN:-}" ]; then
		[ -x "$ACCOUNTS_PG_BIN/initdb" ] && [ -x "$ACCOUNTS_PG_BIN/postgres" ]
		return
	fi
	command -v initdb >/dev/null && command -v postgres >/dev/null && return
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
	compgen -G '/opt/homebrew/opt/postgresql*/bin/initdb' >/dev/null && return
	compgen -G '/usr/local/opt/postgresql*/bin/initdb' >/dev/null
}

found && exit 0

if command -v apt-get >/dev/null; then
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		sudo="sudo -n"
		sudo -n true 2>/dev/null || sudo=none
	fi
	if [ "$sudo" != none ]; then
		# The tests run servers of their own: the package need not set one up.
		if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
			$sudo mkdir -p /etc/postgresql-common
			echo 'create_main_cluster = false' | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
		fi
		$sudo apt-get update -qq
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
	fi
elif command -v brew >/dev/null; then
	brew install postgresql@17
fi

found && exit 0
cat >&2 <<'MESSAGE'
PostgreSQL 14 or newer is missing, and cannot be installed from here. One of these is enough:
  - install it: apt-get install postgresql (as root), dnf install postgresql-server, brew install postgresql@17
  - set ACCOUNTS_PG_BIN to the folder with postgres, initdb and pg_ctl
  - set ACCOUNTS_TEST_DSN to the data source name of a server whose user may create databases
MESSAGE
exit 1
