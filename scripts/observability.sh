#!/usr/bin/env bash
# Checks rules, dashboards and documented configurations with promtool and Prometheus 3, which are newer than Debian's and
# warn about more. Builds them into tmp/go with Go, at a pinned version. Without Go, or if they cannot be built in time, it
# says so and uses those on PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly module=github.com/prometheus/prometheus@v0.315.0 version=3.15.0
readonly tools=$PWD/tmp/go/prometheus
# A first build takes five minutes of processor time. What is compiled by the deadline is kept for the next run.
readonly deadline=6m

# Builds a copy of the module, as its releases are built: versions and checksums of all libraries are those of its own go.sum.
# Service discovery other than by files and HTTP is left out, which is most of the code.
build() {
  local source
  source=$(go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  [[ -n $source ]] || return
  rm -rf "$tools/source" && mkdir -p "$tools/bin" && cp -r "$source" "$tools/source" && chmod -R u+w "$tools/source"
  (
    cd "$tools/source" &&
      GOWORK=off timeout "$deadline" go build -trimpath -tags remove_all_sd \
        -ldflags "-s -w -X github.com/prometheus/common/version.Version=$version" \
        -o "$tools/bin/" ./cmd/promtool ./cmd/prometheus
  ) || return
  rm -rf "$tools/source"
  echo "$version" >"$tools/version"
}

if ! command -v go >/dev/null; then
  echo "Go is missing, so nothing is checked with Prometheus 3. Install Go 1.26 or later." >&2
elif [[ $(cat "$tools/version" 2>/dev/null) != "$version" ]]; then
  echo "building promtool and prometheus $version" >&2
  build || echo "Prometheus 3 cannot be had, or not within $deadline, so nothing is checked with it" >&2
fi
[[ $(cat "$tools/version" 2>/dev/null) != "$version" ]] || export PATH="$tools/bin:$PATH"

bash scripts/machine.sh
echo "checking with $(promtool --version 2>&1 | head -n 1)" >&2
npx vitest run test/mixin test/grafana test/docs/blocks.test.ts test/e2e/alerts.test.ts test/e2e/dashboards.test.ts
