/** The whole program behind a name server that keeps silent, comes and goes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type Answer, type NameServer, serveNames } from '../support/dns.ts'
import { serve, until } from '../support/net.ts'
import { launch, startProgram } from '../support/program.ts'

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

/** A name server, and how to run a program that knows it alone. The file may change at run time. */
async function behind(
  answer: Answer,
): Promise<{ server: NameServer; file: string; inside: readonly string[] }> {
  const server = await serveNames(answer)
  const folder = await mkdtemp(join(tmpdir(), 'pulsecheck-names-'))
  cleanUp.push(server.close, () => rm(folder, { recursive: true }))
  const file = join(folder, 'resolv.conf')
  await writeFile(file, server.line)
  const mounted = `mount --bind ${file} /etc/resolv.conf && exec "$@"`
  return { server, file, inside: ['unshare', '--mount', 'bash', '-c', mounted, 'bash'] }
}

const silentFor =
  (silent: RegExp): Answer =>
  ({ name }) =>
    silent.test(name) ? undefined : { addresses: ['127.0.0.1'] }

// A mount needs root.
describe.runIf(process.getuid?.() === 0)('a silent name server', () => {
  const stuck = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`stuck${i}`, `tcp://stuck${i}.example:1`]))

  test('fails the names that it keeps silent about, and no other', async () => {
    const { inside } = await behind(silentFor(/stuck/))
    const target = await serve(() => {})
    cleanUp.push(target.close)
    const dependencies = {
      ...stuck(50),
      healthy: `tcp://healthy.example:${target.port}`,
      local: `tcp://localhost:${target.port}`,
    }
    const defaults = { interval: '1s', timeout: '1s', failureThreshold: 1 }
    const program = await startProgram({ config: { defaults, dependencies }, inside })
    cleanUp.push(program.remove)
    const checks = async (name: string) =>
      (await program.metric(`dependency_checks_total{dependency="${name}",kind="tcp"}`)) ?? 0
    await until(async () => (await checks('healthy')) >= 3 && (await checks('stuck0')) >= 2, 'some rounds')
    const { dependencies: found } = await program.health()
    expect(found.stuck0?.lastCheck).toMatchObject({ ok: false, reason: 'dns_error', detail: 'dns_timeout' })
    const failures = (await program.get('/metrics')).text
      .split('\n')
      .filter(line => /^dependency_check_failures_total\{dependency="(healthy|local)"/.test(line))
      .filter(line => !line.endsWith(' 0'))
    expect(failures).toEqual([])
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
  })

  test('does not delay the end: SIGTERM in the middle of lookups', async () => {
    const { inside, server } = await behind(() => undefined)
    const program = await startProgram({ config: { dependencies: stuck(20) }, inside })
    cleanUp.push(program.remove)
    await until(() => new Set(server.questions.map(({ name }) => name)).size === 20, 'all names are asked')
    program.child.kill('SIGTERM')
    await until(() => program.output().stderr.includes('msg=stopped'), 'it has stopped')
    // An exit that joins a thread in a lookup would come 5 s or more later.
    await until(() => program.child.exitCode !== null, 'it has ended', 4_000)
    expect(await program.ended).toBe(0)
  })

  test('does not hold `check` beyond its deadline', async () => {
    const { inside } = await behind(() => undefined)
    const config = { defaults: { timeout: '200ms' }, dependencies: stuck(3) }
    const running = launch({ config, flags: ['check', '--output', 'json'], inside })
    cleanUp.push(running.remove)
    expect(await running.ended).toBe(1)
    const { dependencies } = JSON.parse(running.output().stdout)
    for (const name of Object.keys(stuck(3)))
      expect(dependencies[name].lastCheck).toMatchObject({ detail: 'dns_timeout' })
  })
})

test.runIf(process.getuid?.() === 0)('resolv.conf emptied and written again at run time', async () => {
  const { inside, server, file } = await behind(silentFor(/^$/))
  const target = await serve(() => {})
  cleanUp.push(target.close)
  const config = {
    defaults: { interval: '300ms', timeout: '300ms', failureThreshold: 1 },
    dependencies: { db: `tcp://db.example:${target.port}` },
  }
  const program = await startProgram({ config, inside })
  cleanUp.push(program.remove)
  const isReady = async () => (await program.get('/readyz')).status === 200
  await until(isReady, 'up')
  await writeFile(file, '')
  await until(async () => !(await isReady()), 'down')
  expect((await program.health()).dependencies.db?.lastCheck).toMatchObject({ reason: 'dns_error' })
  await writeFile(file, server.line)
  await until(isReady, 'up again')
})
