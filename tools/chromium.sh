#!/usr/bin/env bash
# Makes sure that there is a Chromium for the tests of the page: finds it, installs it with apt (as root or through
# sudo), or says what to do.
set -euo pipefail

found() {
	local name
	for name in "${ACCOUNTS_CHROMIUM:-}" chromium chromium-browser google-chrome; do
		[ -n "$name" ] && command -v "$name" >/dev/null && return
	done
	return 1
}

found && exit 0

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
fi

found && exit 0
cat >&2 <<'MESSAGE'
Chromium for the tests of the page is missing, and cannot be installed from here. Install it:
  apt-get install chromium (as root), or name its program in $ACCOUNTS_CHROMIUM
MESSAGE
exit 1
