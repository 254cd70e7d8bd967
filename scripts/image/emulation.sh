# Sourced: lets this machine run programs of another architecture, with QEMU.
#
#   emulate amd64|arm64
emulate() {
  local machine=${1/amd64/x86_64} formats=/proc/sys/fs/binfmt_misc
  machine=${machine/arm64/aarch64}
  [[ $machine == "$(uname -m)" ]] && return
  [[ -e $formats/register ]] || mount -t binfmt_misc none "$formats"
  [[ -e $formats/qemu-$machine ]] && return
  bash scripts/machine.sh "qemu-$machine-static"
  # Where systemd runs, installing has done this.
  [[ -e $formats/qemu-$machine ]] || cat "/usr/lib/binfmt.d/qemu-$machine.conf" >"$formats/register"
}
