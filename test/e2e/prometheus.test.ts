/** A real Prometheus scrapes the real program, by the job in prometheus.yml's words, and answers what people ask it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closedPort, serve, until } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'
import { type Prometheus, startPrometheus } from '../support/prometheus.ts'

let program: Program
let prometheus: Prometheus
let close: () => Promise<void>

beforeAll(async () => {
  const target = await serve(() => {})
  close = target.close
  program = await startProgram({
    config: {
      defaults: { interval: '500ms', timeout: '200ms' },
      dependencies: {
        // Without the wait for a refusal, which would be most of its duration.
        well: { kind: 'tcp', url: `tcp://127.0.0.1:${target.port}`, settle: '0' },
        ill: {
          kind: 'tcp',
          host: '127.0.0.1',
          port: await closedPort(),
          critical: false,
          labels: { team: 'a "b", c:d\\e\né' },
        },
      },
    },
  })
  prometheus = await startPrometheus(`
global: { scrape_interval: 500ms }
scrape_configs:
  - job_name: pulsecheck
    static_configs: [{ targets: ["${new URL(program.url).host}"] }]
`)
  await until(async () => ((await value('count_over_time(up[1m])')) ?? 0) >= 4, 'some scrapes')
})
afterAll(async () => {
  await prometheus.stop()
  await program.remove()
  await close()
})

async function value(promql: string): Promise<number | undefined> {
  const [sample] = await prometheus.query(promql)
  return sample?.value === undefined ? undefined : Number(sample.value[1])
}

describe('a real Prometheus', () => {
  test.each([
    ['up{job="pulsecheck"}', 1],
    ['dependency_up{dependency="well"}', 1],
    ['dependency_up{dependency="ill"}', 0],
    ['dependency_critical{dependency="ill"}', 0],
    ['pulsecheck_ready', 1],
    ['count(dependency_up == 0) by (kind)', 1],
    ['time() - dependency_last_success_timestamp_seconds{dependency="well"} < bool 5', 1],
    ['rate(dependency_check_failures_total{dependency="ill",reason="connection_error"}[1m]) > bool 0', 1],
    [
      'histogram_quantile(0.99, rate(dependency_check_duration_seconds{dependency="well"}[1m])) < bool 0.2',
      1,
    ],
    ['count(pulsecheck_build_info)', 1],
    ['sum(dependency_checks_skipped_total)', 0],
  ])('%s is %d', async (promql, expected) => {
    expect(await value(promql)).toBe(expected)
  })

  test('joins the labels of your own to a verdict', async () => {
    const [joined] = await prometheus.query(
      'dependency_up * on (dependency) group_left (team) dependency_info{dependency="ill"}',
    )
    expect(joined?.metric.team).toBe('a "b", c:d\\e\né')
  })
})
