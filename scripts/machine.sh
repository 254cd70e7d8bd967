#!/usr/bin/env bash
# Makes sure that the real servers and tools which the tests run against are on this machine:
# installs what is missing on Debian and Ubuntu, or says in one line what to install elsewhere.
# With arguments: these programs alone.
set -euo pipefail

declare -A packages=(
  [redis-server]=redis-server
  [initdb]=postgresql
  [promtool]=prometheus
  [prometheus]=prometheus
  [amtool]=prometheus-alertmanager
  [prometheus-alertmanager]=prometheus-alertmanager
  [openssl]=openssl
  [dnsmasq]=dnsmasq-base
  [nsd]=nsd
  [pgbouncer]=pgbouncer
  [chromium]=chromium
  [prometheus-blackbox-exporter]=prometheus-blackbox-exporter
)

# Installed only where they are asked for by name.
declare -A on_request=(
  [nft]=nftables
  [haproxy]=haproxy
  [faketime]=faketime
  [postfix]=postfix
  [dovecot]="dovecot-imapd dovecot-pop3d"
  [vsftpd]=vsftpd
  [slapd]=slapd
  [mariadbd]=mariadb-server
  [nginx]=nginx-light
  [podman-compose]=podman-compose
  [iptables]=iptables
  [qemu-aarch64-static]=qemu-user-static
  [qemu-x86_64-static]=qemu-user-static
)

# Debian keeps PostgreSQL's programs off the PATH, one folder a version.
shopt -s nullglob
postgres_bins=(/usr/lib/postgresql/*/bin)
PATH="$PATH:/usr/sbin:$(IFS=:; echo "${postgres_bins[*]:-/nonexistent}")"

wanted=("$@")
[[ $# -gt 0 ]] || wanted=("${!packages[@]}")
missing=()
for program in "${wanted[@]}"; do
  command -v "$program" >/dev/null || missing+=(${packages[$program]:-${on_request[$program]}})
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
as_root=()
[[ $EUID -eq 0 ]] || as_root=(sudo -n)

if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  echo "These programs are needed on PATH; please install: ${missing[*]} (Debian's names; on macOS: brew install redis postgresql prometheus openssl dnsmasq nsd)" >&2
  exit 1
fi

echo "installing ${missing[*]}" >&2
# RUNLEVEL=1 keeps Debian from starting the servers: the tests start their own, on free ports.
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
