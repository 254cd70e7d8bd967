/**
 * Four shards of the real program under one real Prometheus. The target of all dependencies logs which process asked for
 * which, so gaps and doubles are known exactly: after a loss, and while a fifth shard is added. docs/scaling.md states
 * the bounds.
 */
import { expect, onTestFinished, test } from 'vitest'
import { shardOf } from '../../src/service/shard.ts'
import { read } from '../docs/documents.ts'
import { serveHttp } from '../support/http.ts'
import { closedPort, until } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'
import { startPrometheus } from '../support/prometheus.ts'

const total = 4
const names = Array.from({ length: 40 }, (_, i) => `service-${i}`)
const intervalMs = 1_000
const timeoutMs = 1_000
/** First checks are spread over at most this long. */
const spreadMs = Math.min(intervalMs, 1_000)

interface Check {
  /** The process, as `startShard` names it. */
  readonly by: string
  readonly at: number
}

/** A target that logs every check, by the dependency's name. */
async function startTarget() {
  const log = new Map(names.map(name => [name, [] as Check[]]))
  const server = await serveHttp(({ url, headers }, response) => {
    log.get(url.slice(1))?.push({ by: String(headers['x-replica']), at: performance.now() })
    response.end('ok')
  })
  onTestFinished(server.stop)
  const checks = (name: string) => log.get(name) ?? []
  return {
    url: server.url,
    checks,
    askers: (name: string) => [...new Set(checks(name).map(({ by }) => by))],
    longestGapMs: (name: string) =>
      Math.max(...checks(name).map(({ at }, i, all) => at - (all[i - 1]?.at ?? at))),
    /** Waits until every dependency has been checked again, `times` times. */
    async round(times: number) {
      const before = new Map(names.map(name => [name, checks(name).length]))
      const isOver = (name: string) => checks(name).length >= (before.get(name) ?? 0) + times
      await until(() => names.every(isOver), `every dependency is checked ${times} times`, 30_000)
    },
  }
}

test('each dependency is checked by one shard, and is without checks for no longer than told', {
  timeout: 180_000,
}, async () => {
  const target = await startTarget()
  const config = {
    defaults: { interval: `${intervalMs}ms`, timeout: `${timeoutMs}ms` },
    dependencies: Object.fromEntries(
      names.map(name => [
        name,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference that the config resolves.
        { kind: 'http', url: `${target.url}/${name}`, headers: { 'x-replica': '${REPLICA}' } },
      ]),
    ),
  }
  const addresses: string[] = []
  for (let index = 0; index <= total; index++) addresses.push(`127.0.0.1:${await closedPort()}`)
  /** Starts a shard as a pod of its ordinal is: with the same address each time. */
  async function startShard(index: number, of: number, replica = `${index}/${of}`): Promise<Program> {
    // The later address counts; the first is that of `startProgram`.
    const flags = ['--web.listen-address', addresses[index] ?? '', '--shard.total', `${of}`]
    const env = { SHARD_INDEX: `${index}`, REPLICA: replica }
    const program = await startProgram({ config, flags, env })
    onTestFinished(program.remove)
    return program
  }
  /** Kills a shard without warning and starts its successor. Resolves with the time in between. */
  async function replace(index: number, of: number, between = async () => {}, replica?: string) {
    const killedAt = performance.now()
    await shards[index]?.remove()
    await between()
    shards[index] = await startShard(index, of, replica)
    return performance.now() - killedAt
  }
  const shards: Program[] = []
  for (let index = 0; index < total; index++) shards.push(await startShard(index, total))
  const prometheus = await startPrometheus(`
global: { scrape_interval: 500ms }
scrape_configs:
  - job_name: pulsecheck
    static_configs: [{ targets: ${JSON.stringify(addresses)} }]
`)
  onTestFinished(prometheus.stop)
  const value = async (promql: string) => Number((await prometheus.query(promql))[0]?.value?.[1] ?? 0)
  const holds = (promql: string, expected: number) =>
    until(async () => (await value(promql)) === expected, `${promql} is ${expected}`, 30_000)
  const isLost = 'count(group by (shard) (pulsecheck_shards)) < bool max(pulsecheck_shards)'

  await holds('count(dependency_up == 1)', names.length)
  await holds('count(max by (dependency, kind) (dependency_up))', names.length)
  expect(await value(isLost)).toBe(0)
  const isReady =
    'min(max by (dependency, kind) (dependency_up) and on (dependency, kind) dependency_critical == 1)'
  expect(await value(isReady)).toBe(1)
  expect(read('docs/scaling.md')).toContain(isReady)
  const lost = names.filter(name => shardOf(name, total) === 2)
  expect(await value(`count(dependency_up{instance="${addresses[2]}"})`)).toBe(lost.length)

  // One is killed, and replaced once Prometheus has noticed.
  const awayMs = await replace(
    2,
    total,
    async () => {
      await holds('count(dependency_up == 1)', names.length - lost.length)
      await holds(isLost, 1)
    },
    'replacement',
  )
  await target.round(2)
  await holds('count(dependency_up == 1)', names.length)
  expect(await value('max(count by (dependency) (dependency_up))')).toBe(1)
  for (const name of names) {
    const own = `${shardOf(name, total)}/${total}`
    expect(target.askers(name)).toEqual(lost.includes(name) ? [own, 'replacement'] : [own])
  }
  const kept = names.filter(name => !lost.includes(name))
  /** What a machine with other work adds to a check. The untouched shards show it. */
  const latenessMs = Math.max(0, ...kept.map(name => target.longestGapMs(name) - intervalMs))
  const boundMs = intervalMs + awayMs + spreadMs + timeoutMs + latenessMs
  const gaps = lost.map(name => target.longestGapMs(name))
  const show = (ms: number) => `${(ms / 1_000).toFixed(2)} s`
  console.log(
    `one of ${total} away for ${show(awayMs)}: ${lost.length} dependencies unchecked for ${show(Math.min(...gaps))} to ` +
      `${show(Math.max(...gaps))}, at most ${show(boundMs)} allowed; others late by up to ${show(latenessMs)}`,
  )
  expect(Math.max(...gaps)).toBeLessThanOrEqual(boundMs)

  // A fifth is added before the others restart, the last one first, as a StatefulSet does.
  const moved = names.filter(name => shardOf(name, total + 1) === total)
  expect(moved.length).toBeGreaterThan(0)
  let lateMs = latenessMs
  const addedAt = performance.now()
  const gapSince = (name: string, since: number) => {
    const checks = target.checks(name).filter(({ at }) => at > since - intervalMs - latenessMs)
    return Math.max(...checks.map(({ at }, i) => at - (checks[i - 1]?.at ?? at)))
  }
  shards.push(await startShard(total, total + 1))
  const firstByNew = (name: string) => target.checks(name).find(({ by }) => by === `${total}/${total + 1}`)
  await until(
    () => moved.every(name => firstByNew(name) !== undefined),
    'the new shard has checked its share',
    30_000,
  )
  for (let index = total - 1; index >= 0; index--) {
    const before = performance.now()
    const restartMs = await replace(index, total + 1)
    await target.round(2)
    const staying = names.filter(name => shardOf(name, total) === index && !moved.includes(name))
    const others = names.filter(name => shardOf(name, total) !== index && !moved.includes(name))
    lateMs = Math.max(lateMs, ...others.map(name => gapSince(name, before) - intervalMs))
    const longestMs = intervalMs + restartMs + spreadMs + timeoutMs + lateMs
    for (const name of staying) expect(gapSince(name, before)).toBeLessThanOrEqual(longestMs)
  }
  // The new shard checks what moved before its old one ends, so there is no gap beyond the interval.
  for (const name of moved) {
    expect(gapSince(name, addedAt)).toBeLessThanOrEqual(intervalMs + timeoutMs + lateMs)
  }
  await holds(
    `count(max by (dependency, kind) (dependency_up)) and on () max(pulsecheck_shards) == ${total + 1}`,
    names.length,
  )
  await target.round(1)
  for (const name of names)
    expect(target.checks(name).at(-1)?.by).toBe(`${shardOf(name, total + 1)}/${total + 1}`)
})
