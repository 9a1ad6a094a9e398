#!/usr/bin/env bash
# Makes sure that there are Node and npm for the test of a generated client: finds them, installs them with apt (as
# root or through sudo), or says what to do.
set -euo pipefail

found() { command -v node >/dev/null && command -v npm >/dev/null; }

found && exit 0

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm
fi

found && exit 0
cat >&2 <<'MESSAGE'
Node or npm for the test of a generated client is missing, and cannot be installed from here. Install it:
  apt-get install nodejs npm (as root), or dnf install nodejs
MESSAGE
exit 1
