#!/usr/bin/env bash
# Builds the image of the Dockerfile with podman, on its real base images where they can be had. Where they cannot, it
# builds stand-ins for both from Debian's packages and this machine's Node.js, and says so.
#
#   scripts/image/build.sh [TAG]
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-localhost/pulsecheck:dev}
version=$(node -p 'require("./package.json").version')
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
created=$(git log -1 --format=%cI 2>/dev/null || date -u +%Y-%m-%dT%H:%M:%SZ)
source scripts/image/podman.sh

node_image=$(sed -n 's/^ARG NODE_IMAGE=//p' Dockerfile)
base_image=$(sed -n 's/^ARG BASE_IMAGE=//p' Dockerfile)
more=()
if ! podman image exists "$node_image" && ! timeout 30 podman pull -q "$node_image" >/dev/null 2>&1; then
  echo "no registry: the base images are made from Debian's packages and this machine's Node.js" >&2
  source scripts/image/stand-ins.sh
  node_image=localhost/pulsecheck-node:${node_image##*:} base_image=localhost/pulsecheck-base:stand-in
  podman image exists "$node_image" && podman image exists "$base_image" || make_stand_ins "$node_image" "$base_image"
  # Whoever signs for this network's registries signs for the build, too.
  more+=(--network=host --volume=/etc/ssl/certs:/etc/ssl/certs:ro)
fi
podman build --quiet --pull=never --format=docker "${more[@]}" \
  --build-arg NODE_IMAGE="$node_image" --build-arg BASE_IMAGE="$base_image" \
  --build-arg VERSION="$version" --build-arg REVISION="$revision" --build-arg CREATED="$created" \
  --tag "$tag" . >/dev/null
echo "$tag: $(podman image inspect --format '{{.Size}}' "$tag" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
