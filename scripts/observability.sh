#!/usr/bin/env bash
# Checks rules and dashboards with programs that others wrote, in newer versions than Debian has: promtool and Prometheus 3,
# pint (a linter of rules) and Grafana's dashboard-linter. Installs them into tmp/go with Go, at pinned versions.
# Without Go, or where a module cannot be had, it says so and goes on with the rest.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly tools=$PWD/tmp/go
# Module, version, package, and the program that it makes. dashboard-linter has no releases, so it is pinned to a commit.
readonly wanted=(
  "github.com/prometheus/prometheus v0.305.0 cmd/promtool promtool"
  "github.com/prometheus/prometheus v0.305.0 cmd/prometheus prometheus"
  "github.com/cloudflare/pint v0.86.0 cmd/pint pint"
  "github.com/grafana/dashboard-linter b9474179a67cd890ea7c07c5e0a5b76780f87edc . dashboard-linter"
)

# Each in a module of its own: `go install` refuses programs whose module replaces or excludes others.
install() {
  local module=$1 version=$2 package=$3 program=$4
  local home=$tools/$program
  [[ -x $tools/bin/$program && $(cat "$home/version" 2>/dev/null) == "$version" ]] && return
  rm -rf "$home" && mkdir -p "$home" "$tools/bin"
  echo "building $program $version" >&2
  local path=$module${package:+/$package}
  (
    cd "$home" &&
      go mod init pulsecheck.local/tools &&
      go get "$path@$version" &&
      go build -o "$tools/bin/$program" "$path"
  ) >"$home/log" 2>&1 || return 1
  echo "$version" >"$home/version"
}

if command -v go >/dev/null; then
  for tool in "${wanted[@]}"; do
    read -r module version package program <<<"$tool"
    install "$module" "$version" "${package#.}" "$program" ||
      echo "$program $version cannot be built, so nothing is checked with it: $(grep -vE '^go: (creating|downloading|added) ' "$tools/$program/log" | head -n 1)" >&2
  done
else
  echo "Go is missing, so nothing is checked with promtool 3, Prometheus 3, pint and dashboard-linter. Install Go 1.24 or later." >&2
fi

bash scripts/machine.sh
export PATH="$tools/bin:$PATH"
# The tests of rules and dashboards once more, by the newer programs, and then what only the linters say.
npx vitest run test/mixin test/grafana test/e2e/alerts.test.ts test/e2e/dashboards.test.ts
npx vitest run --config vitest.verify.config.ts test/mixin test/grafana
