#!/usr/bin/env bash
# Starts compose.yml with podman and follows an outage from Pulsecheck to Alertmanager. Where no registry can be reached,
# Debian's programs stand for the images, without Grafana, and it says so. Needs Linux, root, and the ports of compose.yml.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash scripts/machine.sh podman-compose iptables
source scripts/image/podman.sh
bash scripts/image/build.sh localhost/pulsecheck:dev

# What a service of compose.yml runs.
image_of() {
  sed -n "/^  $1:\$/,/^\$/s/^    image: //p" compose.yml
}
services=(pulsecheck postgres redis prometheus alertmanager grafana)
if ! timeout 30 podman pull --quiet "$(image_of redis)" >/dev/null 2>&1; then
  echo "no registry: Debian's programs stand for PostgreSQL, Redis, Prometheus and Alertmanager; Grafana is left out" >&2
  services=("${services[@]::5}")
  debian=localhost/pulsecheck-node-$(dpkg --print-architecture):$(sed -n 's/^ARG NODE_IMAGE=.*://p' Dockerfile)
  for each in "${services[@]:1}"; do
    podman build --quiet --pull=never --network=host --build-arg DEBIAN="$debian" --target "$each" \
      --tag "$(image_of "$each")" --file scripts/compose/Containerfile scripts/compose >/dev/null
  done
fi
compose() { podman-compose --project-name pulsecheck --file compose.yml "$@"; }
trap 'compose down >/dev/null 2>&1; podman network rm pulsecheck_default >/dev/null 2>&1' EXIT
compose up --detach --no-build "${services[@]}"
npx vitest run --config vitest.verify.config.ts test/e2e/compose
