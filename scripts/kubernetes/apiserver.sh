#!/usr/bin/env bash
# Applies rendered manifests to a real API server, and installs, upgrades and removes the chart there.
#
#   scripts/kubernetes/apiserver.sh build               builds the API server, which takes half an hour the first time
#   scripts/kubernetes/apiserver.sh check FOLDER CRDS   checks the manifests of a folder; helm must be on the PATH
#
# Etcd, kube-apiserver, kube-controller-manager and kubectl are built by apiserver/go.mod into the user's cache. There is no
# kubelet and no scheduler: pods are created and admitted, and never run.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly module=scripts/kubernetes/apiserver
readonly chart=deploy/helm/pulsecheck
readonly namespace=monitoring
version=$(sed -n 's,^\tk8s.io/kubernetes v\([0-9.]*\).*,\1,p' "$module/go.mod")
readonly programs=${XDG_CACHE_HOME:-$HOME/.cache}/pulsecheck-kubernetes-$version-$(cat "$module"/go.{mod,sum} | cksum | cut -d' ' -f1)

build() {
  [[ -e $programs/complete ]] && return
  echo "building kube-apiserver $version; the first time takes about half an hour" >&2
  local info=k8s.io/component-base/version
  local flags="-s -w -X $info.gitVersion=v$version -X $info.gitMajor=1 -X $info.gitMinor=$(cut -d. -f2 <<<"$version")"
  mkdir -p "$programs"
  (
    cd "$module"
    export GOFLAGS="-mod=readonly -p=1 -buildvcs=false"
    nice -n 15 go build -trimpath -ldflags "-s -w" -o "$programs/etcd" go.etcd.io/etcd/server/v3
    for program in kubectl kube-apiserver kube-controller-manager; do
      nice -n 15 go build -trimpath -ldflags "$flags" -o "$programs/$program" "k8s.io/kubernetes/cmd/$program"
    done
  )
  touch "$programs/complete"
}

is_built() { [[ -e $programs/complete ]]; }

# Ports that were free a moment ago.
free_ports() {
  node -e "
    const servers = Array.from({ length: $1 }, () => require('node:net').createServer().listen(0, '127.0.0.1'))
    setTimeout(() => { for (const server of servers) { console.log(server.address().port); server.close() } }, 50)"
}

wait_for() {
  local what=$1
  shift
  for _ in $(seq 600); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  echo "waited two minutes in vain: $what" >&2
  return 1
}

# Everything listens on the loopback, and the API server knows one token, of this run.
start_server() {
  local etcd_port peer_port api_port token
  { read -r etcd_port && read -r peer_port && read -r api_port; } < <(free_ports 3)
  token=$(openssl rand -hex 16)
  openssl genrsa -out "$folder/accounts.key" 2048 2>/dev/null
  echo "$token,admin,admin,system:masters" >"$folder/tokens.csv"
  etcd --name=default --data-dir="$folder/etcd" --log-level=error --unsafe-no-fsync \
    --listen-client-urls="http://127.0.0.1:$etcd_port" --advertise-client-urls="http://127.0.0.1:$etcd_port" \
    --listen-peer-urls="http://127.0.0.1:$peer_port" --initial-advertise-peer-urls="http://127.0.0.1:$peer_port" \
    --initial-cluster="default=http://127.0.0.1:$peer_port" &>"$folder/etcd.log" &
  started+=($!)
  kube-apiserver --etcd-servers="http://127.0.0.1:$etcd_port" --bind-address=127.0.0.1 --secure-port="$api_port" \
    --cert-dir="$folder" --token-auth-file="$folder/tokens.csv" --authorization-mode=RBAC \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$folder/accounts.key" \
    --service-account-signing-key-file="$folder/accounts.key" --service-cluster-ip-range=10.96.0.0/16 \
    --advertise-address=192.0.2.1 --endpoint-reconciler-type=none &>"$folder/apiserver.log" &
  started+=($!)
  export KUBECONFIG=$folder/kubeconfig
  wait_for "a certificate" test -s "$folder/apiserver.crt"
  kubectl config set-cluster local --server="https://127.0.0.1:$api_port" --certificate-authority="$folder/apiserver.crt" >/dev/null
  kubectl config set-credentials admin --token="$token" >/dev/null
  kubectl config set-context local --cluster=local --user=admin --namespace="$namespace" >/dev/null
  kubectl config use-context local >/dev/null
  if ! wait_for "the API server" kubectl get --raw=/readyz; then
    tail -n 5 "$folder"/{etcd,apiserver}.log >&2
    exit 1
  fi
  kube-controller-manager --kubeconfig="$KUBECONFIG" --leader-elect=false --secure-port=0 --kube-api-qps=200 --kube-api-burst=400 \
    --service-account-private-key-file="$folder/accounts.key" --root-ca-file="$folder/apiserver.crt" &>"$folder/controllers.log" &
  started+=($!)
}

stop() {
  kill "${started[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}

fail() {
  echo "$*" >&2
  failed=1
}

# A namespace that enforces the restricted Pod Security Standard, and the operator's resources.
prepare() {
  kubectl create --filename="$1" >/dev/null
  kubectl create namespace "$namespace" >/dev/null
  for mode in enforce warn audit; do
    kubectl label namespace "$namespace" "pod-security.kubernetes.io/$mode=restricted" >/dev/null
  done
  kubectl wait --for=condition=Established --timeout=60s --filename="$1" >/dev/null
  wait_for "the account of the namespace" kubectl get serviceaccount default
  local refusal
  refusal=$(kubectl run unrestricted --image=x --dry-run=server 2>&1 || true)
  [[ $refusal == *'violates PodSecurity "restricted'* ]] || fail "the namespace admits a pod that is not restricted: $refusal"
}

# The server's warnings count, such as those of pod security and of deprecated fields.
apply() {
  local count
  if kubectl apply --dry-run=server --validate=strict --warnings-as-errors --filename="$1" >"$folder/applied" 2>&1; then
    count=$(wc -l <"$folder/applied")
    echo "kube-apiserver $version: $(basename "$1" .yaml): $count resources"
  else
    fail "kube-apiserver refuses $1: $(grep -v '(server dry run)' "$folder/applied")"
  fi
}

count() { kubectl get "$@" --output=name | wc -l; }
is() {
  local found
  found=$("${@:2}") && [[ $found == "$1" ]]
}
field() { kubectl get "$1" --output="jsonpath={$2}"; }

# Everything in the namespace that is not Kubernetes' own.
leftovers() {
  local kinds
  kinds=$(kubectl api-resources --namespaced --verbs=list --output=name | sed '/^events/d' | paste -sd,)
  kubectl get "$kinds" --output=name --ignore-not-found |
    sed -e '\,^serviceaccount/default$,d' -e '\,^configmap/kube-root-ca.crt$,d'
}

# It remarks on every link of the chart.
helm() { command helm "$@" 2> >(grep -v 'walk.go:' >&2); }

# Installs, upgrades and removes the chart: what a changed configuration does is counted in generations of pods.
play() {
  local values=(--values "$chart/ci/all-values.yaml" --set onConfigChange=reload)
  local changed=(--set config.dependencies.more=tcp://more:1)
  helm install pulsecheck "$chart" "${values[@]}" >/dev/null
  wait_for "pods" is 2 count pods --selector=app.kubernetes.io/name=pulsecheck || fail "the Deployment has no pods"
  wait_for "the budget" is 2 field poddisruptionbudget/pulsecheck .status.expectedPods || fail "the budget does not count the pods"
  helm upgrade pulsecheck "$chart" "${values[@]}" "${changed[@]}" >/dev/null
  field configmap/pulsecheck '.data.pulsecheck\.yml' | grep -q tcp://more:1 || fail "the upgrade does not change the configuration"
  is 1 field deployment/pulsecheck .metadata.generation || fail "a changed configuration changes the pods, though they reload it"
  helm upgrade pulsecheck "$chart" "${values[@]}" "${changed[@]}" --set onConfigChange=roll >/dev/null
  wait_for "new pods" is 2 count replicasets || fail "onConfigChange=roll does not roll"
  helm upgrade pulsecheck "$chart" "${values[@]}" --set onConfigChange=roll >/dev/null
  wait_for "new pods" is 3 count replicasets || fail "a changed configuration does not roll"
  helm rollback pulsecheck 1 >/dev/null
  field configmap/pulsecheck '.data.pulsecheck\.yml' | grep -q tcp://more:1 && fail "a rollback leaves the changed configuration"
  helm upgrade pulsecheck "$chart" --values "$chart/ci/shards-values.yaml" >/dev/null
  wait_for "the shards" is 4 count pods --selector=app.kubernetes.io/name=pulsecheck,apps.kubernetes.io/pod-index ||
    fail "the StatefulSet does not have four pods"
  helm uninstall pulsecheck >/dev/null
  wait_for "the end of all" is "" leftovers || fail "helm uninstall leaves: $(leftovers)"
  echo "kube-apiserver $version: installed, reloaded, rolled, rolled back, sharded and removed"
}

if [[ $1 == build ]]; then
  build
  exit 0
fi
if ! is_built; then
  echo "No API server has been built, so manifests and chart are not applied to one: npm run verify:kubernetes -- --apiserver"
  exit 0
fi
PATH=$programs:$PATH
failed=0
started=()
folder=$(mktemp -d)
trap stop EXIT
start_server
prepare "$3"
for manifests in "$2"/*.yaml; do apply "$manifests"; done
play
exit "$failed"
