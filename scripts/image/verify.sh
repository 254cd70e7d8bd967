#!/usr/bin/env bash
# Builds the image and plays a pod's life with it; for another architecture, builds it under emulation and runs it there.
# Needs Linux, and root where podman is not set up for users.
#
#   scripts/image/verify.sh [amd64|arm64]
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/image/podman.sh
bash scripts/machine.sh redis-server
own=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
architecture=${1:-$own}
test=image
[[ $architecture == "$own" ]] || test=emulated
export PULSECHECK_IMAGE=localhost/pulsecheck:verify-$architecture
bash scripts/image/build.sh "$PULSECHECK_IMAGE" "$architecture"
npx vitest run --config vitest.verify.config.ts "test/e2e/$test.verify.ts"
