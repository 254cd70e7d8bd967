#!/usr/bin/env bash
# Makes a release in dist-release/: the package, an image for each architecture, the chart, an SBOM of the package and of
# each image, notes and checksums. Where CHANGELOG.md has no section for the version yet, it first writes the version
# everywhere and commits that. It publishes nothing. Run it on a clean main.
#
#   scripts/release.sh VERSION [amd64|arm64 ...]
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?write the version, such as 0.1.0}
architectures=("${@:2}")
[[ ${#architectures[@]} -gt 0 ]] || architectures=("$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')")
out=$PWD/dist-release

refuse() {
  echo "no release: $1" >&2
  exit 1
}
[[ -z $(git status --porcelain) ]] || refuse "there are changes that are not committed"
[[ -z $(git tag --list "v$version") || $(git rev-parse "v$version^{commit}") == $(git rev-parse HEAD) ]] ||
  refuse "the tag v$version is of another commit"

npm ci --no-audit --no-fund
# The pinned Node.js, whatever the system has.
export PATH=$PWD/node_modules/.bin:$PATH
if ! grep -qF "## [$version]" CHANGELOG.md; then
  npm exec -c "node scripts/bump.ts $version"
  git commit --quiet --all --message "release: $version"
fi
[[ $(node -p 'require("./package.json").version') == "$version" ]] || refuse "package.json has another version"
npx vitest run test/deploy

rm -rf "$out" && mkdir -p "$out"
awk -v version="$version" '/^## \[/ { shown = index($0, "[" version "]") } shown' CHANGELOG.md >"$out/notes.md"

echo "package"
npm pack --pack-destination "$out" >/dev/null
# What somebody gets who installs it now.
installed=$(mktemp -d)
trap 'rm -rf "$installed"' EXIT
(
  cd "$installed"
  npm init --yes >/dev/null
  npm install --no-audit --no-fund --ignore-scripts "$out/pulsecheck-$version.tgz" >/dev/null
  [[ $(npx pulsecheck --version) == "pulsecheck $version" ]]
  npx pulsecheck init pulsecheck.yml >/dev/null
  npx pulsecheck validate pulsecheck.yml >/dev/null
)
npm exec -c "node scripts/installed.ts $installed" >"$out/pulsecheck-$version-package.cdx.json"

for architecture in "${architectures[@]}"; do
  echo "image for $architecture"
  image=localhost/pulsecheck:$version-$architecture
  bash scripts/image/build.sh "$image" "$architecture"
  source scripts/image/podman.sh
  name=$out/pulsecheck-$version-image-$architecture
  podman save --quiet --format oci-archive "$image" | gzip -9 >"$name.tar.gz"
  npm exec -c "node scripts/image/sbom.ts $image" >"$name.cdx.json"
done

echo "chart"
helm=$PWD/tmp/go/bin/helm
# The same version as the checks of the chart.
[[ -x $helm ]] || GOBIN=$(dirname "$helm") go install "$(sed -n 's/^install helm //p' scripts/kubernetes/verify.sh)"
"$helm" package --destination "$out/chart" deploy/helm/pulsecheck >/dev/null 2>&1
# npm's package has the same name.
mv "$out/chart/pulsecheck-$version.tgz" "$out/pulsecheck-$version-chart.tgz" && rmdir "$out/chart"
"$helm" lint --strict --quiet "$out/pulsecheck-$version-chart.tgz"

(cd "$out" && sha256sum -- * >SHA256SUMS)
echo "release $version:" && ls -l "$out"
echo "To publish: git tag v$version, git push with it, npm publish, podman push, helm push, and notes.md as the release's notes."
