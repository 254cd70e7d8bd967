/**
 * From a real Redis to a person: two instances check it, a real Prometheus evaluates our rules, a real Alertmanager routes
 * by our configuration, and a webhook is told. Everything is as shipped, but for intervals of a quarter of a second.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { redis as redisKind } from '../../src/kinds/redis/redis.ts'
import { parseDependency } from '../../src/model/definition.ts'
import { read } from '../docs/documents.ts'
import { printed } from '../mixin/printed.ts'
import { startAlertmanager, startWebhook, type Webhook } from '../support/alertmanager.ts'
import { serve, until } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'
import { type Prometheus, startPrometheus } from '../support/prometheus.ts'
import { type AlertingFiles, promisedMs } from '../support/promise.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'

const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-alerts-'))
const ends: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true })]
/** Waits that are long enough for a machine with much else to do. */
const patienceMs = 60_000

let redis: RedisServer
let webhook: Webhook
let prometheus: Prometheus
let instances: readonly Program[]
let files: AlertingFiles
let isCut = false

/** One instance reaches Redis itself, the other one by a line that can be cut. */
beforeAll(async () => {
  redis = await startRedis()
  ends.push(redis.remove)
  const line = await serve(socket => {
    if (isCut) return void socket.destroy()
    const there = connect(redis.port, '127.0.0.1')
    there.on('error', () => socket.destroy())
    socket.on('close', () => there.destroy())
    socket.pipe(there).pipe(socket)
  })
  ends.push(line.close)
  webhook = await startWebhook()
  ends.push(webhook.close)

  const direct = config(redis.port)
  instances = await Promise.all([direct, config(line.port)].map(config => startProgram({ config })))
  for (const instance of instances) ends.push(instance.remove)
  const routing = await routes(direct)
  const alertmanager = await startAlertmanager(routing)
  ends.push(alertmanager.stop)
  const rules = await printed('rules --scrape-interval 250ms', direct)
  writeFileSync(join(folder, 'rules.yml'), rules)
  const scraping = prometheusConfig(join(folder, 'rules.yml'), alertmanager.address, instances)
  prometheus = await startPrometheus(scraping)
  ends.push(prometheus.stop)
  files = { prometheus: scraping, rules, alertmanager: routing }
}, 120_000)
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

const timing = { interval: '500ms', timeout: '250ms' }

function config(port: number): object {
  return {
    defaults: timing,
    dependencies: {
      cache: {
        kind: 'redis',
        url: `redis://127.0.0.1:${port}`,
        labels: { team: 'orders', owner: 'ada' },
      },
    },
  }
}

/** As written by the command; only how the team is told is added, and nobody waits for others to join a group. */
async function routes(config: object): Promise<string> {
  const written = parse(await printed('alertmanager', config))
  const receiver = written.receivers.find(({ name }: { name: string }) => name === 'team-orders')
  receiver.webhook_configs = [{ url: webhook.url }]
  Object.assign(written.route, { group_wait: '100ms', group_interval: '500ms' })
  return stringify(written)
}

/** As shipped; only intervals and addresses are others. */
function prometheusConfig(rules: string, alertmanager: string, instances: readonly Program[]): string {
  const shipped = parse(read('prometheus.yml'))
  Object.assign(shipped.global, { scrape_interval: '250ms', evaluation_interval: '250ms' })
  shipped.rule_files = [rules]
  shipped.alerting.alertmanagers[0].static_configs[0].targets = [alertmanager]
  shipped.scrape_configs[0].static_configs[0].targets = instances.map(({ url }) => new URL(url).host)
  return stringify(shipped)
}

const toldOf = (alertname: string, status: 'firing' | 'resolved') =>
  webhook.told.filter(alert => alert.labels.alertname === alertname && alert.status === status)
const isTold = (alertname: string, status: 'firing' | 'resolved') =>
  until(() => toldOf(alertname, status).length > 0, `${alertname} is ${status}`, patienceMs)
const seenUp = () =>
  until(
    async () => (await prometheus.query('min(dependency:dependency_up:min) == 1')).length > 0,
    'both instances see it up',
    patienceMs,
  )

/** The seconds that each instance's checks took and were late, all together. */
const spentSeconds = () =>
  Promise.all(
    instances.map(async ({ metric }) => {
      const labels = '{dependency="cache",kind="redis"}'
      const lag = await metric('pulsecheck_scheduler_lag_seconds_sum')
      return (lag ?? 0) + ((await metric(`dependency_check_duration_seconds_sum${labels}`)) ?? 0)
    }),
  )

/** By how much the samples of these series came later than every so many milliseconds, of the series that was latest. */
async function delayMs(series: string, everyMs: number, [from, to]: readonly [number, number]) {
  const answer = await prometheus.api(`/api/v1/query?query=${encodeURIComponent(`${series}[5m]`)}`)
  const delays = (answer as { result: { values: [number, string][] }[] }).result.map(({ values }) => {
    const times = values.map(([seconds]) => seconds * 1_000)
    const gaps = times.map((at, i) => (at > from && at <= to && i > 0 ? at - (times[i - 1] ?? at) : 0))
    return gaps.reduce((sum, gap) => sum + Math.max(0, gap - everyMs), 0)
  })
  return Math.max(...delays)
}

test('Redis stops: one alert, with its team, owner, target and reason; it starts: resolved', async () => {
  await seenUp()
  const before = await spentSeconds()
  await redis.stop()
  const stoppedAt = Date.now()
  await isTold('DependencyDown', 'firing')
  const after = await spentSeconds()
  const firedAt = Date.parse(toldOf('DependencyDown', 'firing')[0]?.startsAt ?? '')
  const { dependency } = parseDependency('cache', redisKind, { ...timing, url: redis.url })
  const promised = promisedMs(dependency, files)
  // What a busy machine takes longer, as the programs themselves recorded it: late checks, lost scrapes and evaluations.
  const late =
    1_000 * Math.max(...after.map((seconds, i) => seconds - (before[i] ?? 0))) +
    (await delayMs('dependency_critical', promised.scrape, [stoppedAt, firedAt])) +
    (await delayMs('dependency:dependency_critical:max', promised.evaluation, [stoppedAt, firedAt]))
  const { notification, ...untilItFires } = promised
  const sum = Object.values(untilItFires).reduce((sum, ms) => sum + ms)
  expect(firedAt - stoppedAt).toBeGreaterThan(promised.for)
  expect(firedAt - stoppedAt).toBeLessThanOrEqual(sum + late)
  await redis.start()
  await isTold('DependencyDown', 'resolved')

  const [first] = toldOf('DependencyDown', 'firing')
  expect(first?.labels).toMatchObject({ dependency: 'cache', severity: 'critical', team: 'orders' })
  expect(first?.annotations.description).toMatch(
    /^cache \(redis (?:redis:\/\/)?127\.0\.0\.1:\d+\S*\) of pulsecheck is down, as every instance sees it\. Reason: connection_error\. Team: orders\. Owner: ada\.$/,
  )
  expect(first?.annotations.runbook_url).toBe('docs/runbooks/DependencyDown.md')
  // One alert, although there are two instances, and none that only some of them see.
  expect(new Set(toldOf('DependencyDown', 'firing').map(({ startsAt }) => startsAt)).size).toBe(1)
  expect(toldOf('DependencyUnreachableFromSome', 'firing')).toEqual([])
}, 180_000)

test('one instance is cut off: another alert instead; it is back: resolved', async () => {
  await seenUp()
  const before = webhook.told.length
  isCut = true
  await isTold('DependencyUnreachableFromSome', 'firing')
  isCut = false
  await isTold('DependencyUnreachableFromSome', 'resolved')
  const [first] = toldOf('DependencyUnreachableFromSome', 'firing')
  expect(first?.labels).toMatchObject({ dependency: 'cache', severity: 'warning', team: 'orders' })
  expect(first?.annotations.description).toMatch(
    /is up for some instances and down for others: 127\.0\.0\.1:\d+\. Reason: connection_error\./,
  )
  expect(webhook.told.slice(before).filter(({ labels }) => labels.alertname === 'DependencyDown')).toEqual([])
}, 180_000)
