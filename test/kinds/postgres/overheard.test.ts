/** The password over a connection that others can read: against a peer that is no loopback address. */
import { execFile, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

/** A network of its own, with no way out: root, or a kernel that lets everybody have user namespaces. */
const namespace = ['--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])]
const canIsolate = spawnSync('unshare', [...namespace, 'ip', 'link', 'set', 'lo', 'up']).status === 0
const remote = '192.0.2.1'
const program = join(import.meta.dirname, '../../support/cleartext.ts')

/** What a server at this address asks for in clear, and what it hears and the check says then. */
async function askedInClear(host: string): Promise<{ heard: string; result: object }> {
  const script = `ip link set lo up && ip address add ${remote}/32 dev lo && exec "$0" "$@"`
  const inside = ['sh', '-c', script, process.execPath, program, host]
  const { stdout } = await promisify(execFile)('unshare', [...namespace, ...inside])
  return JSON.parse(stdout)
}

describe.runIf(canIsolate)('a server that asks for the password in clear', () => {
  test('gets nothing on another machine', async () => {
    const { heard, result } = await askedInClear(remote)
    expect(result).toMatchObject({ ok: false, reason: 'auth_error', detail: 'cleartext_refused' })
    expect(heard).toContain('application_name')
    expect(heard).not.toContain('canary')
  })

  test('gets it on this machine', async () => {
    const { heard } = await askedInClear('127.0.0.1')
    expect(heard).toContain('canary')
  })
})
