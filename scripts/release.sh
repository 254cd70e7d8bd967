#!/usr/bin/env bash
# Makes a release of the version in package.json, in dist-release/: the package, the image, the chart, an SBOM of each kind
# of dependency, and checksums. It publishes nothing. Run it on a clean main, once CHANGELOG.md has a section for the version.
#
#   scripts/release.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?write the version, such as 0.1.0}
out=$PWD/dist-release

refuse() {
  echo "no release: $1" >&2
  exit 1
}
[[ -z $(git status --porcelain) ]] || refuse "there are changes that are not committed"
[[ $(node -p 'require("./package.json").version') == "$version" ]] || refuse "package.json has another version"
grep -q "^version: $version$" deploy/helm/pulsecheck/Chart.yaml || refuse "the chart has another version"
grep -q "^## \[$version\]" CHANGELOG.md || refuse "CHANGELOG.md has no section for $version"

rm -rf "$out" && mkdir -p "$out"
npm pack --pack-destination "$out" >/dev/null
npm sbom --omit=dev --sbom-format=cyclonedx >"$out/pulsecheck-$version.cdx.json"
awk -v version="$version" '/^## \[/ { shown = index($0, "[" version "]") } shown' CHANGELOG.md >"$out/notes.md"

source scripts/image/podman.sh
bash scripts/image/build.sh "localhost/pulsecheck:$version"
podman save --quiet --format oci-archive "localhost/pulsecheck:$version" | gzip -9 >"$out/pulsecheck-$version-image.tar.gz"

PATH=$PWD/tmp/go/bin:$PATH
command -v helm >/dev/null || refuse "helm is missing; npm run verify:kubernetes builds it"
helm package --destination "$out/chart" deploy/helm/pulsecheck 2>/dev/null >/dev/null
# npm's package has the same name.
mv "$out/chart/pulsecheck-$version.tgz" "$out/pulsecheck-$version-chart.tgz" && rmdir "$out/chart"

(cd "$out" && sha256sum -- * >SHA256SUMS)
echo "release $version:" && ls -l "$out"
echo "To publish: git tag v$version, npm publish, podman push, helm push, and notes.md as the notes of the release."
