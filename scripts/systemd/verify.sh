#!/usr/bin/env bash
# Runs the systemd unit under a real systemd, which is the first process of a container. Needs Linux and root.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/image/podman.sh
# It makes an image with Node.js where none can be pulled.
bash scripts/image/build.sh localhost/pulsecheck:dev
node=$(sed -n 's/^ARG NODE_IMAGE=//p' Dockerfile)
stand_in=localhost/pulsecheck-node-$(dpkg --print-architecture):${node##*:}
if podman image exists "$stand_in"; then node=$stand_in; fi
podman build --quiet --pull=never --network=host --build-arg NODE="$node" \
  --tag localhost/pulsecheck-systemd --file scripts/systemd/Containerfile scripts/systemd >/dev/null
npx vitest run --config vitest.verify.config.ts test/e2e/systemd
