#!/usr/bin/env bash
# Runs the root package's tests as a 32-bit program: for 386 where this machine runs such programs,
# else for ARM on an emulator, QEMU, which is installed with apt (as root or through sudo). Says what
# to do where neither is to be had.
set -euo pipefail

case "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" in
linux/*) ;;
*)
	echo "this system runs no 32-bit programs: the tests are only vetted for them, by make cross"
	exit 0
	;;
esac

export CGO_ENABLED=0
probe="$(mktemp -d)"
trap 'rm -rf "$probe"' EXIT
printf 'package main\n\nfunc main() {}\n' >"$probe/main.go"
if GOARCH=386 GOWORK=off go build -o "$probe/probe" "$probe/main.go" && "$probe/probe" 2>/dev/null; then
	echo "GOARCH=386 go test ."
	GOARCH=386 go test .
	exit
fi

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

if ! command -v qemu-arm >/dev/null && command -v apt-get >/dev/null && as_root true 2>/dev/null; then
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user
fi
if ! command -v qemu-arm >/dev/null; then
	echo "this kernel runs no 386 programs, and qemu-arm is missing: install it (Debian: apt-get install qemu-user)" >&2
	exit 1
fi
# QEMU's emulation of 386 crashes programs with several threads; that of ARM does not.
echo "GOARCH=arm go test -exec qemu-arm ."
GOARCH=arm go test -exec qemu-arm -timeout 20m .
