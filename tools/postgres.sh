#!/usr/bin/env bash
# Makes sure that there are PostgreSQL server programs and PgBouncer for the tests: finds them, or
# installs them with apt (as root or through sudo) or brew, or says what to do. Leaves nothing running.
set -euo pipefail

server() {
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

pooler() {
	command -v "${ACCOUNTS_PGBOUNCER:-pgbouncer}" >/dev/null || { [ -z "${ACCOUNTS_PGBOUNCER:-}" ] && [ -x /usr/sbin/pgbouncer ]; }
}

server && pooler && exit 0

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_with_apt() {
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"
}

if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
	if ! server; then
		# The tests run servers of their own: the package need not set one up.
		if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
			as_root mkdir -p /etc/postgresql-common
			echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
		fi
		install_with_apt postgresql
	fi
	if ! pooler; then
		install_with_apt pgbouncer
		# The package starts a service unless the machine's policy forbids that. The tests run their own.
		as_root invoke-rc.d pgbouncer stop
		as_root update-rc.d pgbouncer disable
	fi
elif command -v brew >/dev/null; then
	server || brew install postgresql@17
	pooler || brew install pgbouncer
fi

server || cat >&2 <<'MESSAGE'
PostgreSQL 14 or newer is missing, and cannot be installed from here. One of these is enough:
  - install it: apt-get install postgresql (as root), dnf install postgresql-server, brew install postgresql@17
  - set ACCOUNTS_PG_BIN to the folder with postgres, initdb and pg_ctl
  - set ACCOUNTS_TEST_DSN to the data source name of a server whose user may create databases
MESSAGE
pooler || cat >&2 <<'MESSAGE'
PgBouncer is missing, and cannot be installed from here. One of these is enough:
  - install it: apt-get install pgbouncer (as root), dnf install pgbouncer, brew install pgbouncer
  - set ACCOUNTS_PGBOUNCER to the program
MESSAGE
server && pooler
