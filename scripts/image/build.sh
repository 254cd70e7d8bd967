#!/usr/bin/env bash
# Builds the image of the Dockerfile with podman, on its real base images where they can be had. Where they cannot, it
# builds stand-ins for both from Debian's packages and npm's Node.js, and says so. An architecture that is not this
# machine's is built under emulation.
#
#   scripts/image/build.sh [TAG [amd64|arm64]]
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-localhost/pulsecheck:dev}
own=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
architecture=${2:-$own}
version=$(node -p 'require("./package.json").version')
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
created=$(git log -1 --format=%cI 2>/dev/null || date -u +%Y-%m-%dT%H:%M:%SZ)
source scripts/image/podman.sh
source scripts/image/emulation.sh
emulate "$architecture"

node_image=$(sed -n 's/^ARG NODE_IMAGE=//p' Dockerfile)
base_image=$(sed -n 's/^ARG BASE_IMAGE=//p' Dockerfile)
more=()
if ! timeout 30 podman pull --quiet --arch "$architecture" "$node_image" >/dev/null 2>&1; then
  echo "no registry: the base images are made from Debian's packages and npm's Node.js" >&2
  source scripts/image/stand-ins.sh
  node_image=localhost/pulsecheck-node-$architecture:${node_image##*:}
  base_image=localhost/pulsecheck-base-$architecture:stand-in
  podman image exists "$node_image" && podman image exists "$base_image" ||
    make_stand_ins "$architecture" "$node_image" "$base_image"
  # Whoever signs for this network's registries signs for the build, too.
  more+=(--network=host --volume=/etc/ssl/certs:/etc/ssl/certs:ro)
fi
podman build --quiet --pull=missing --arch "$architecture" --format=docker "${more[@]}" \
  --build-arg NODE_IMAGE="$node_image" --build-arg BASE_IMAGE="$base_image" \
  --build-arg VERSION="$version" --build-arg REVISION="$revision" --build-arg CREATED="$created" \
  --tag "$tag" . >/dev/null
echo "$tag, $architecture: $(podman image inspect --format '{{.Size}}' "$tag" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
