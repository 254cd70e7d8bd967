/** The image in a container, as the manifests run it: a read-only root, no capability, and a limit of memory. */
import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closedPort } from '../../test/support/net.ts'
import { bare, cpuSecondsOf, footprintOf, type Started, untilAnswered } from './shipped.ts'

export interface Container {
  readonly image: string
  /** MiB that it may take. */
  readonly memory: number
  /** More arguments of `podman create`. */
  readonly flags?: readonly string[]
}

/** Where the image has its Node.js. */
const entrypoint = '--entrypoint=/usr/local/bin/node'

/** @param config as data. JSON is YAML. */
export async function startImage(config: object, container: Container): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bench-'))
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'pulsecheck.yml'), JSON.stringify(config))
  const flags = [...(container.flags ?? []), `--volume=${folder}:/etc/pulsecheck:ro`]
  const started = await start({ ...container, flags }, port => [
    '--log.level=error',
    `--web.listen-address=127.0.0.1:${port}`,
  ])
  const stop = async () => {
    await started.stop()
    rmSync(folder, { recursive: true })
  }
  return { ...started, stop }
}

/** A bare `node:http` server in a container of the same image. */
export function startBareImage(container: Container): Promise<Started> {
  return start({ ...container, flags: [entrypoint] }, port => ['-e', bare, String(port)])
}

/** What it takes is from the end of `podman create` on: it includes what podman does to start a container. */
async function start(
  { image, memory, flags = [] }: Container,
  args: (port: number) => readonly string[],
): Promise<Started> {
  const port = await closedPort()
  const id = podman(
    ...['create', '--network=host', '--read-only', '--read-only-tmpfs=false', '--cap-drop=all'],
    ...['--user=65532:65532', '--security-opt=no-new-privileges', `--memory=${memory}m`],
    ...[...flags, image, ...args(port)],
  )
  const started = performance.now()
  let failed = false
  execFile('podman', ['start', id], error => {
    failed = error !== null
  })
  await untilAnswered(port, () => {
    if (failed) throw new Error(podman('logs', id))
  })
  const tookMs = performance.now() - started
  const pid = Number(podman('inspect', '--format={{.State.Pid}}', id))
  return {
    port,
    tookMs,
    footprint: () => footprintOf(pid),
    cpuSeconds: () => cpuSecondsOf(pid),
    stop: async () => void podman('rm', '--force', '--time=10', id),
  }
}

function podman(...args: readonly string[]): string {
  return execFileSync('podman', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}
