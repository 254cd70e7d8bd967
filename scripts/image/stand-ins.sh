# Sourced: what stands for the base images where no registry can be reached.

import() {
  tar --create --directory "$1" . | podman import --quiet "${@:3}" - "$2" >/dev/null
}

# Makes the two images for an architecture: the one with Node.js and npm, and the one to run in.
#
#   make_stand_ins amd64|arm64 NODE_IMAGE BASE_IMAGE
make_stand_ins() {
  local version=${2##*:} work npm debs
  work=$(mktemp -d)
  # A shell and the usual tools, for the build.
  debootstrap --arch="$1" --variant=minbase --include=ca-certificates,libstdc++6,tzdata bookworm "$work/node" >/dev/null
  debs=$work/node/var/cache/apt/archives

  # As distroless has it: no shell, no package manager, a user that is not root, and a list of its packages.
  mkdir -p "$work"/base/{etc/ssl/certs,tmp,home/nonroot,var/lib/dpkg/status.d}
  for each in libc6 libgcc-s1 libstdc++6 gcc-12-base ca-certificates tzdata; do
    dpkg-deb --extract "$debs/$each"_*.deb "$work/base"
    dpkg-deb --field "$debs/$each"_*.deb >"$work/base/var/lib/dpkg/status.d/$each"
    dpkg-deb --ctrl-tarfile "$debs/$each"_*.deb | tar --extract --to-stdout ./md5sums \
      >"$work/base/var/lib/dpkg/status.d/$each.md5sums"
  done
  chmod 1777 "$work/base/tmp"
  cp -L "$work/node/etc/os-release" "$work/base/etc/os-release"
  echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$work/base/etc/passwd"
  echo 'nonroot:x:65532:' >"$work/base/etc/group"
  cat "$work"/base/usr/share/ca-certificates/*/*.crt >"$work/base/etc/ssl/certs/ca-certificates.crt"
  import "$work/base" "$3" --arch "$1" --change USER=65532

  rm "$debs"/*.deb
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$work/node/usr/local/lib/node_modules" "$work/pack"
  npm pack --silent --pack-destination "$work/pack" "node-linux-${1/amd64/x64}@${version%%-*}" >/dev/null
  tar --extract --file "$work"/pack/*.tgz --directory "$work/node/usr/local" --strip-components=1 package/bin/node
  cp -R "$npm" "$work/node/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/node/usr/local/bin/npm"
  import "$work/node" "$2" --arch "$1" --change ENV=NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
  rm -rf "$work"
}
