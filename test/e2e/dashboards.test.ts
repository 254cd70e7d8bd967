/** Every rule and every query of every dashboard, asked of a real Prometheus that scrapes the demo. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kinds } from '../../src/kinds/index.ts'
import { filled, panelsOf, readDashboards } from '../grafana/dashboards.ts'
import { printed } from '../mixin/printed.ts'
import { until } from '../support/net.ts'
import { launch } from '../support/program.ts'
import { type Prometheus, startPrometheus } from '../support/prometheus.ts'

/** What shows nothing in the demo, and why that is right. */
const emptyByDesign: Readonly<Record<string, string>> = {
  dependency_latency_slo_seconds: 'the demo sets no objective for durations',
  pulsecheck_web_config_last_reload_successful: 'the demo has no web config file',
  dependency_tls_not_after_timestamp_seconds: 'nothing in the demo speaks TLS',
  dependency_postgres_replication_lag_seconds: "the demo's PostgreSQL is a primary",
  dependency_postgres_pool_: 'the demo checks no pool of an application',
  dependency_postgres_client_: 'the demo checks no client of an application',
  dependency_postgres_fresh_: 'the demo checks no client of an application',
  dependency_redis_: "the demo does not ask for Redis' role, and checks no client of an application",
  '!= min by': 'there is one instance, which agrees with itself',
  ...Object.fromEntries(
    kinds
      .filter(({ name }) => !['http', 'postgres', 'redis'].includes(name))
      .map(({ name }) => [`dependency_${name}_`, `the demo does not use the kind ${name}`]),
  ),
}

const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-dashboards-'))
let prometheus: Prometheus
let demo: ReturnType<typeof launch>

beforeAll(async () => {
  demo = launch({ flags: ['demo', '--pace', '2s', '--web.listen-address', '127.0.0.1:0'] })
  const said = (text: string) => until(() => demo.output().stdout.includes(text), `it says ${text}`, 60_000)
  await said('/metrics')
  const address = /http:\/\/(127\.0\.0\.1:\d+)\/metrics/.exec(demo.output().stdout)?.[1] ?? ''
  const rules = join(folder, 'rules.yml')
  // Nobody waits for the rules that take their time.
  const quick = (await printed('rules --scrape-interval 250ms')).replaceAll(
    /interval: \w+$/gm,
    'interval: 250ms',
  )
  writeFileSync(rules, quick)
  prometheus = await startPrometheus(`
global: { scrape_interval: 250ms, evaluation_interval: 250ms }
rule_files: ["${rules}"]
scrape_configs:
  - job_name: pulsecheck
    static_configs: [{ targets: ["${address}"] }]
`)
  // A whole round: each dependency has been down once, and one that is critical for long enough to be told.
  await said('PostgreSQL refuses every login')
  const isTold = async () => (await prometheus.query('ALERTS{alertstate="firing"}')).length > 0
  await until(isTold, 'an alert fires', 60_000)
}, 180_000)
afterAll(async () => {
  await prometheus.stop()
  // Killed at once, it would leave its PostgreSQL behind.
  demo.child.kill('SIGTERM')
  await demo.ended
  await demo.remove()
  rmSync(folder, { recursive: true })
})

test('no rule fails, and Prometheus has no remark on any', async () => {
  const { groups } = (await prometheus.api('/api/v1/rules')) as {
    groups: { rules: { name: string; query: string; health: string }[] }[]
  }
  const rules = groups.flatMap(({ rules }) => rules)
  expect(rules.length).toBeGreaterThan(30)
  expect(rules.filter(({ health }) => health === 'err')).toEqual([])
  for (const { query } of rules) await prometheus.query(query)
}, 30_000)

describe.each([...readDashboards()])('%s', (_, dashboard) => {
  const queries = panelsOf(dashboard).flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, refId }) => ({ title: `${title} ${refId}`, expr })),
  )

  test.each(queries)(
    '$title',
    async ({ expr }) => {
      const reason = Object.keys(emptyByDesign).find(part => expr.includes(part))
      const answers = async () => (await prometheus.query(filled(expr))).length > 0
      if (reason === undefined) await until(answers, `an answer to ${filled(expr)}`, 20_000)
      else expect(await answers(), emptyByDesign[reason]).toBe(false)
    },
    30_000,
  )

  test('annotations and variables are accepted', async () => {
    for (const { expr } of dashboard.annotations.list) await prometheus.query(filled(expr))
    for (const { query, type } of dashboard.templating.list.filter(({ type }) => type === 'query')) {
      const selector = /^label_(?:values|names)\((.*?)(?:, \$?\w+)?\)$/.exec(query)?.[1] ?? ''
      const chosen = filled(selector, { label: 'dependency', value: '.*' })
      expect((await prometheus.query(chosen)).length, `${type} ${query}`).toBeGreaterThan(0)
    }
  })
})
