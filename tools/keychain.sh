#!/usr/bin/env bash
# Makes sure that there is a Secret Service for the tests on Linux: finds it, installs it with apt (as
# root or through sudo), or says what to do. Starts nothing. Elsewhere the system has a keychain.
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 0

found() { command -v gnome-keyring-daemon >/dev/null && command -v dbus-run-session >/dev/null; }

found && exit 0

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gnome-keyring dbus
fi

found && exit 0
cat >&2 <<'MESSAGE'
A Secret Service for the tests is missing, and cannot be installed from here. Install it:
  apt-get install gnome-keyring dbus (as root), or dnf install gnome-keyring dbus-daemon
MESSAGE
exit 1
