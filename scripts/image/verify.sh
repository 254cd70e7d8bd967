#!/usr/bin/env bash
# Builds the image and plays a pod's life with it. Needs Linux, and root where podman is not set up for users.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/image/podman.sh
bash scripts/machine.sh redis-server
bash scripts/image/build.sh
npx vitest run --config vitest.verify.config.ts test/e2e/image
