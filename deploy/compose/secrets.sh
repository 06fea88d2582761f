#!/bin/sh
# Makes the secrets of compose.yaml that are not there yet, with avow, or with Go
# where avow is not installed. As root it hands them to the image's user (65532);
# else run compose with AVOW_USER="$(id -u):$(id -g)".
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-$here/secrets}
mkdir -p "$dir"

avow() {
  if command -v avow >/dev/null; then
    command avow "$@"
  else
    (cd "$here/../.." && go run ./cmd/avow "$@")
  fi
}

[ -e "$dir/keys.json" ] || avow keygen --data "$dir" >/dev/null
if [ ! -e "$dir/signer.pem" ]; then
  # The first output that is marked has a development certificate made, which nobody
  # trusts; put your own in its place.
  echo "A first text." | avow mark --data "$dir" - >/dev/null
fi
if [ ! -e "$dir/postgres-password" ]; then
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$dir/postgres-password"
  printf 'postgres:5432:avow:avow:%s\n' "$(cat "$dir/postgres-password")" >"$dir/pgpass"
fi
if [ "$(id -u)" = 0 ]; then
  chown 65532:65532 "$dir"/keys.json "$dir"/*.pem "$dir/pgpass"
fi
ls "$dir"
