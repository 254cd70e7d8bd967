#!/usr/bin/env bash
# Checks the manifests and the chart with programs that others wrote: helm lint and template, kustomize, kubeconform with the
# API server's own schemas, kube-score, and a real API server if one has been built. Installs them with Go, at pinned
# versions. Without Go it says so.
#
#   scripts/kubernetes/verify.sh [--apiserver | --write]
#
# With --apiserver, it builds the API server first. With --write, it renders the chart's golden files anew.
set -euo pipefail
export NO_COLOR=1
cd "$(dirname "$0")/../.."

readonly tools=$PWD/tmp/go
kubernetes=$(sed -n 's,^\tk8s.io/kubernetes v\([0-9.]*\).*,\1,p' scripts/kubernetes/apiserver/go.mod)
readonly kubernetes
readonly operator=0.85.0
readonly chart=deploy/helm/pulsecheck
readonly golden=deploy/helm/golden

if ! command -v go >/dev/null; then
  echo "Go is missing, so manifests and chart are not checked. Install Go 1.26 or later." >&2
  exit 0
fi
install() {
  local program=$1 package=$2
  [[ $(cat "$tools/bin/$program.version" 2>/dev/null) == "$package" && -x $tools/bin/$program ]] && return
  echo "building $program" >&2
  if ! GOBIN=$tools/bin go install "$package" 2>"$tools/$program.log"; then
    echo "$program cannot be had, so manifests and chart are not checked: $(tail -n 1 "$tools/$program.log")" >&2
    exit 0
  fi
  echo "$package" >"$tools/bin/$program.version"
}
mkdir -p "$tools/bin"
install helm helm.sh/helm/v3/cmd/helm@v3.22.0
install kustomize sigs.k8s.io/kustomize/kustomize/v5@v5.7.1
install kubeconform github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
install kube-score github.com/zegl/kube-score/cmd/kube-score@v1.20.0
PATH=$tools/bin:$PATH

# The API server's own schemas, and those of the Prometheus operator, are in their modules.
schemas=$tools/schemas-$kubernetes-$operator
folder_of() { go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }
api=$(folder_of "k8s.io/kubernetes@v$kubernetes" || true)
resources=$(folder_of "github.com/prometheus-operator/prometheus-operator@v$operator" || true)/example/prometheus-operator-crd
if [[ -z $api || ! -d $resources ]]; then
  echo "the schemas of Kubernetes cannot be had, so manifests and chart are not checked" >&2
  exit 0
fi
[[ -d $schemas ]] || node scripts/kubernetes/schemas.ts "$schemas" "$api/api/openapi-spec/swagger.json" "$resources"/*.yaml

# It remarks on every link of the chart.
helm() { command helm "$@" 2> >(grep -v 'walk.go:' >&2); }

failed=0
conform() {
  kubeconform -strict -summary -schema-location "$schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json" "$1" || failed=1
}

# What it asks for beyond what is right here: pod anti-affinity (the manifests spread by topology constraints), CPU limits
# (they throttle, and late checks are wrong ones), ephemeral storage (nothing is written), pulling images always, network
# policies of the service beside a sidecar, and probes that differ: a pod that is alive can answer.
score() {
  kube-score score --output-format ci --kubernetes-version v1.29 \
    --ignore-test container-resources,container-ephemeral-storage-request-and-limit,container-image-pull-policy \
    --ignore-test deployment-has-host-podantiaffinity,statefulset-has-host-podantiaffinity,pod-probes-identical \
    --ignore-test deployment-replicas,pod-networkpolicy,container-security-context-user-group-id "$1" | grep -v '\[OK\]\|\[SKIPPED\]' && failed=1
  return 0
}

built=$(mktemp -d)
trap 'rm -r "$built"' EXIT
for overlay in deploy/kubernetes/overlays/*; do
  name=$(basename "$overlay")
  echo "kustomize: $name"
  kustomize build "$overlay" >"$built/$name.yaml"
  conform "$built/$name.yaml"
  score "$built/$name.yaml"
  # With its component, as its last lines say.
  mkdir "$built/$name"
  from_here=$(realpath --relative-to="$built/$name" deploy/kubernetes)
  cat >"$built/$name/kustomization.yaml" <<EOF
resources: [$from_here/overlays/$name]
components: [$from_here/components/monitoring]
EOF
  kustomize build "$built/$name" >"$built/$name-monitoring.yaml"
  conform "$built/$name-monitoring.yaml"
done

helm lint --strict --quiet "$chart"
for values in "$chart"/ci/*-values.yaml; do
  name=$(basename "$values" -values.yaml)
  echo "helm: $name"
  helm lint --strict --quiet --values "$values" "$chart"
  helm template pulsecheck "$chart" --namespace monitoring --kube-version "$kubernetes" --values "$values" \
    >"$built/helm-$name.yaml"
  conform "$built/helm-$name.yaml"
  score "$built/helm-$name.yaml"
  # Rules and dashboards have tests of their own, and stay out of the golden files.
  node scripts/kubernetes/golden.ts "$built/helm-$name.yaml" >"$built/golden"
  if [[ ${1:-} == --write ]]; then
    cp "$built/golden" "$golden/$name.yaml"
  elif ! diff -u "$golden/$name.yaml" "$built/golden"; then
    echo "$golden/$name.yaml is not what the chart renders; npm run verify:kubernetes -- --write renders it anew" >&2
    failed=1
  fi
done
# Values that the schema refuses, typing errors among them.
for wrong in shards.total=0 onConfigChange=restart terminationGracePeriodSeconds=5 replicaCount=2 image.tagg=1 \
  serviceMonitor.intervall=1m service.ports=80 networkPolicy.enable=true; do
  for command in "lint --quiet" "template pulsecheck"; do
    # shellcheck disable=SC2086
    if helm $command "$chart" --kube-version "$kubernetes" --set "$wrong" >/dev/null 2>&1; then
      echo "helm $command takes --set $wrong" >&2
      failed=1
    fi
  done
done
if [[ ${1:-} == --apiserver ]] && ! scripts/kubernetes/apiserver.sh build; then
  echo "the API server cannot be built, so manifests and chart are not applied to one" >&2
  failed=1
fi
scripts/kubernetes/apiserver.sh check "$built" "$resources" || failed=1
exit "$failed"
