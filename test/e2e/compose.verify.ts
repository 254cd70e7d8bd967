/** An outage in compose.yml, from Pulsecheck to Alertmanager: `npm run verify:compose` starts its services first. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { until } from '../support/net.ts'

const run = promisify(execFile)
const compose = (...args: readonly string[]) =>
  run('podman-compose', ['--project-name', 'pulsecheck', '--file', 'compose.yml', ...args])

async function statusOf(path: string): Promise<number> {
  return await fetch(`http://127.0.0.1:9797${path}`).then(
    ({ status }) => status,
    () => 0,
  )
}

/** What Prometheus or Alertmanager says, or nothing while it does not answer. */
async function ask(url: string): Promise<unknown> {
  return await fetch(url).then(
    response => response.json(),
    () => undefined,
  )
}

async function value(query: string): Promise<string | undefined> {
  const url = `http://127.0.0.1:9090/api/v1/query?query=${encodeURIComponent(query)}`
  const answer = (await ask(url)) as { data?: { result: { value: [number, string] }[] } } | undefined
  return answer?.data?.result[0]?.value[1]
}

async function alerts(): Promise<string[]> {
  const all = (await ask('http://127.0.0.1:9093/api/v2/alerts')) as
    | { labels: Record<string, string> }[]
    | undefined
  return (all ?? []).map(({ labels }) => `${labels.alertname} ${labels.dependency}`)
}

test('an outage is seen, and told to Alertmanager', { timeout: 400_000 }, async () => {
  const answers = (path: string, status: number) =>
    until(async () => (await statusOf(path)) === status, `${path} is ${status}`, 60_000)
  await answers('/readyz', 200)
  await until(async () => (await value('sum(dependency_up)')) === '3', 'Prometheus has scraped', 60_000)
  const loaded = await ask('http://127.0.0.1:9090/api/v1/rules')
  expect(JSON.stringify(loaded)).toContain('"name":"DependencyDown"')
  expect(JSON.stringify(loaded)).not.toMatch(/"health":"err"/)
  // Rules remember what has been up.
  await until(
    async () => (await value('dependency:dependency_up:max')) === '1',
    'rules are evaluated',
    60_000,
  )

  await compose('stop', 'postgres')
  await answers('/readyz', 503)
  expect(await statusOf('/healthz')).toBe(200)
  await until(
    async () => (await alerts()).includes('DependencyDown orders-db'),
    'Alertmanager has it',
    180_000,
  )

  await compose('start', 'postgres')
  await answers('/readyz', 200)
  await until(async () => !(await alerts()).includes('DependencyDown orders-db'), 'it is resolved', 120_000)
})
