#!/usr/bin/env bash
# Makes cmd/avow/default.pgo, the profile that the compiler optimises avow by,
# from the benchmarks of the packages that work most.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for pkg in watermark internal/fastpng internal/jsonscan disclose middleware; do
  name=${pkg//\//-}
  echo "$pkg" >&2
  GOMAXPROCS=1 go test -run '^$' -bench . -benchtime "${BENCHTIME:-2s}" \
    -cpuprofile "$work/$name.out" -o "$work/$name.test" "./$pkg" >&2
done
go tool pprof -proto "$work"/*.out >cmd/avow/default.pgo
