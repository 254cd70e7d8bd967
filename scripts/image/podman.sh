# Sourced: installs podman on Debian and Ubuntu if it is missing, and lets it run where it would not by itself: in a
# container without systemd, on a kernel without overlay mounts for it.
if ! command -v podman >/dev/null || ! command -v runc >/dev/null; then
  if ! command -v apt-get >/dev/null || [[ $EUID -ne 0 ]]; then
    echo "podman and runc are needed; please install them" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends podman runc netavark aardvark-dns catatonit >/dev/null
fi
if [[ ! -d /run/systemd/system && -z ${CONTAINERS_CONF:-} ]]; then
  mkdir -p tmp
  CONTAINERS_CONF=$PWD/tmp/containers.conf
  printf '%s\n' '[containers]' 'default_ulimits=["nofile=20000:20000","nproc=4096:4096"]' \
    '[engine]' 'runtime="runc"' 'cgroup_manager="cgroupfs"' 'events_logger="file"' >"$CONTAINERS_CONF"
  export CONTAINERS_CONF
fi
