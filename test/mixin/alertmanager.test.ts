/** The configuration for Alertmanager: valid as it stands, with a route for every team. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { read } from '../docs/documents.ts'
import { startAlertmanager } from '../support/alertmanager.ts'
import { until } from '../support/net.ts'
import { printed } from './printed.ts'

/** What `amtool` says, of a configuration in a file. */
function amtool(text: string, command: readonly string[], ...rest: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-amtool-'))
  const file = join(folder, 'alertmanager.yml')
  writeFileSync(file, text)
  const named = command[0] === 'check-config' ? [file] : [`--config.file=${file}`]
  const { status, stdout, stderr } = spawnSync('amtool', [...command, ...named, ...rest], {
    encoding: 'utf8',
  })
  rmSync(folder, { recursive: true })
  // It warns that a file is used in place of a server.
  return `${status} ${stdout}${status === 0 ? '' : stderr}`
}

test('the file is what the command writes for any configuration, and is valid', async () => {
  const text = await printed('alertmanager')
  expect(read('prometheus/alertmanager.yml')).toBe(text)
  expect(amtool(text, ['check-config'])).toMatch(/^0 [\s\S]*SUCCESS/)
})

test('alerts of a team go to its receiver, all others to the default one', async () => {
  const labels = (team: string) => ({ labels: { team } })
  const text = await printed('alertmanager', {
    dependencies: {
      a: { kind: 'tcp', url: 'tcp://a:1', ...labels('orders') },
      b: { kind: 'tcp', url: 'tcp://b:1', ...labels('a "b" \\ c') },
      c: { kind: 'tcp', url: 'tcp://c:1', ...labels('orders') },
      d: 'tcp://d:1',
    },
  })
  expect(amtool(text, ['check-config'])).toMatch(/^0 [\s\S]*4 inhibit rules[\s\S]*3 receivers/)
  const routed = (...labels: readonly string[]) =>
    amtool(text, ['config', 'routes', 'test'], ...labels).trim()
  expect(routed('alertname=DependencyDown', 'team=orders', 'severity=critical')).toBe('0 team-orders')
  expect(routed('alertname=DependencySlow', 'team=orders', 'severity=warning')).toBe('0 team-orders')
  expect(routed('alertname=DependencyDown', 'severity=critical')).toBe('0 default')
  expect(routed('alertname=PulsecheckDown', 'team=unknown')).toBe('0 default')
})

test('a real Alertmanager silences what follows from another alert, and nothing else', async () => {
  const { address, stop } = await startAlertmanager(read('prometheus/alertmanager.yml'))
  onTestFinished(stop)
  const names = [
    'DependencyDown db critical',
    'DependencySlow db warning',
    'DependencyErrorBudgetBurn db critical',
    'MyOwnAlert db warning',
    'DependencySlow cache warning',
    'DependencyErrorBudgetBurn queue critical',
    'DependencyErrorBudgetBurn queue warning',
    'PulsecheckReloadFailed - warning',
  ]
  await send(address, names.map(alertOf('orders')))
  // Of another job, all is unknown.
  await send(address, ['PulsecheckAbsent - critical', 'DependencySlow db warning'].map(alertOf('billing')))
  const firing = async () =>
    ((await (await fetch(`http://${address}/api/v2/alerts`)).json()) as Answer[])
      .filter(({ status }) => status.state === 'active')
      .map(({ labels }) => [labels.job, labels.alertname, labels.dependency, labels.severity].join(' '))
      .toSorted()
  const expected = [
    'billing PulsecheckAbsent  critical',
    'orders DependencyDown db critical',
    'orders DependencyErrorBudgetBurn queue critical',
    'orders DependencySlow cache warning',
    'orders PulsecheckReloadFailed  warning',
  ]
  // It judges an alert when it first groups it.
  await until(
    async () => (await firing()).join() === expected.join(),
    'inhibitions are in force',
    30_000,
  ).catch(() => {})
  expect(await firing()).toEqual(expected)
}, 60_000)

interface Answer {
  readonly labels: Readonly<Record<string, string>>
  readonly status: { readonly state: string }
}

/** From a name, a dependency and a severity. */
function alertOf(job: string) {
  return (text: string): object => {
    const [alertname, dependency, severity] = text.split(' ')
    return { labels: { job, alertname, severity, ...(dependency !== '-' && { dependency }) } }
  }
}

async function send(address: string, alerts: readonly object[]): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  await fetch(`http://${address}/api/v2/alerts`, { method: 'POST', headers, body: JSON.stringify(alerts) })
}
