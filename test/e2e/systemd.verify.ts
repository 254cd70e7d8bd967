/**
 * The unit of deploy/systemd under a real systemd: `npm run verify:systemd` makes a machine for it in a container.
 * LoadCredential is left out, since systemd mounts no credentials for any service there.
 */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { stringify } from 'yaml'
import { freshLauncher } from '../../scripts/fresh.ts'
import { until } from '../support/net.ts'

const root = join(import.meta.dirname, '../..')
const unit = 'pulsecheck.service'
const run = promisify(execFile)
const podman = async (...args: readonly string[]) => (await run('podman', [...args])).stdout.trim()

const configOf = (...names: readonly string[]) =>
  stringify({
    defaults: { interval: '1s', timeout: '1s' },
    dependencies: Object.fromEntries(names.map(name => [name, 'http://127.0.0.1:9797/healthz'])),
  })

test('systemd starts, reloads, restarts and ends it', { timeout: 180_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-systemd-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const machine = await podman(
    ...['run', '--detach', '--systemd=always', '--privileged', '--network=none'],
    ...[`--volume=${dirname(freshLauncher())}:/opt/pulsecheck/dist:ro`, 'localhost/pulsecheck-systemd'],
  )
  onTestFinished(() => void execFileSync('podman', ['rm', '--force', '--time=0', machine]))
  const inside = (...command: readonly string[]) => podman('exec', machine, ...command)
  const write = async (path: string, text: string) => {
    writeFileSync(join(folder, 'file'), text)
    await inside('mkdir', '-p', dirname(path))
    await podman('cp', join(folder, 'file'), `${machine}:${path}`)
  }
  const propertyOf = (property: string) =>
    inside('systemctl', 'show', '--value', `--property=${property}`, unit)
  const answer = (path: string) =>
    inside(
      'node',
      '-p',
      `fetch('http://127.0.0.1:9797${path}').then(each => each.text()).then(console.log), ''`,
    )
  const isReady = (...names: readonly string[]) =>
    until(
      async () => {
        const text = await answer('/readyz').catch(() => '')
        return text.includes('"status":"ok"') && names.every(name => text.includes(`"${name}":true`))
      },
      `${names} are up`,
      60_000,
    )

  await until(
    async () => /running|degraded/.test(await inside('systemctl', 'is-system-running').catch(() => '')),
    'systemd runs',
    60_000,
  )
  await podman('cp', join(root, 'deploy/systemd', unit), `${machine}:/etc/systemd/system/${unit}`)
  await write('/etc/pulsecheck/pulsecheck.yml', configOf('self'))
  await inside('systemctl', 'daemon-reload')
  expect(await inside('systemd-analyze', 'verify', unit)).toBe('')

  await inside('systemctl', 'start', unit).catch(async () => {
    throw new Error(await inside('journalctl', '--no-pager', '--unit', unit))
  })
  await isReady('self')
  const exposure = await inside('systemd-analyze', 'security', unit)
  console.log(exposure.split('\n').at(-1))
  expect(Number(/Overall exposure level for .*: (\S+) /.exec(exposure)?.[1])).toBeLessThanOrEqual(1.3)

  await write('/etc/pulsecheck/pulsecheck.yml', configOf('self', 'other'))
  await inside('systemctl', 'reload', unit)
  await isReady('self', 'other')
  expect(await propertyOf('NRestarts')).toBe('0')

  await inside('systemctl', 'kill', '--signal=KILL', unit)
  await until(async () => (await propertyOf('NRestarts')) === '1', 'systemd restarts it', 60_000)
  await isReady('self', 'other')

  await inside('systemctl', 'stop', unit)
  expect([await propertyOf('Result'), await propertyOf('ExecMainStatus')]).toEqual(['success', '0'])
})
