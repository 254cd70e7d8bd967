/** Four shards of the real program under one real Prometheus: each dependency is checked by one of them, also after a loss. */
import { expect, onTestFinished, test } from 'vitest'
import { closedPort, serve, until } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'
import { startPrometheus } from '../support/prometheus.ts'

const total = 4
const count = 40

test('four shards check each dependency once, and a replaced one takes up its own', {
  timeout: 120_000,
}, async () => {
  const target = await serve(() => {})
  onTestFinished(target.close)
  const names = Array.from({ length: count }, (_, i) => `service-${i}`)
  const config = {
    defaults: { interval: '500ms', timeout: '200ms' },
    dependencies: Object.fromEntries(
      names.map(name => [name, { kind: 'tcp', url: `tcp://127.0.0.1:${target.port}`, settle: '0' }]),
    ),
  }
  const start = async (index: number, address: string): Promise<Program> => {
    // The later address counts; the first is that of `startProgram`.
    const flags = ['--web.listen-address', address, '--shard.total', `${total}`]
    const program = await startProgram({ config, flags, env: { SHARD_INDEX: `${index}` } })
    onTestFinished(program.remove)
    return program
  }
  const addresses: string[] = []
  const shards: Program[] = []
  for (let index = 0; index < total; index++) {
    const address = `127.0.0.1:${await closedPort()}`
    addresses.push(address)
    shards.push(await start(index, address))
  }
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

  await holds('count(dependency_up == 1)', count)
  await holds('count(count by (dependency) (dependency_up))', count)
  expect(await value('count(count by (shard) (pulsecheck_shards))')).toBe(total)
  const own = await value(`count(dependency_up{instance="${addresses[2]}"})`)
  expect(own).toBeGreaterThan(0)

  await shards[2]?.remove()
  await holds('count(dependency_up == 1)', count - own)
  expect(await value('max(count by (dependency) (dependency_up))')).toBe(1)
  await holds('count(count by (shard) (pulsecheck_shards)) < bool max(pulsecheck_shards)', 1)

  await start(2, addresses[2] ?? '')
  await holds('count(dependency_up == 1)', count)
  expect(await value('max(count by (dependency) (dependency_up))')).toBe(1)
  expect(await value(`count(dependency_up{instance="${addresses[2]}"})`)).toBe(own)
})
