/** pint, a linter of rules, on ours, against a live Prometheus that evaluates them. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { root } from '../docs/documents.ts'
import { closedPort, serve, until } from '../support/net.ts'
import { startProgram } from '../support/program.ts'
import { startPrometheus } from '../support/prometheus.ts'

const isThere = spawnSync('pint', ['version']).status === 0

/** Checks that are not for rules which anybody may use. */
const disabled = {
  'promql/series':
    'whether a series exists depends on the configuration: nothing speaks TLS here, or has replicas',
  'rule/link': 'runbooks are published wherever --runbook-url says',
}

test.skipIf(!isThere)('pint has no problem with the rules', { timeout: 120_000 }, async () => {
  const target = await serve(() => {})
  onTestFinished(target.close)
  const program = await startProgram({
    config: {
      defaults: { interval: '500ms', timeout: '200ms', slo: 0.999 },
      dependencies: {
        well: { kind: 'tcp', url: `tcp://127.0.0.1:${target.port}`, labels: { team: 'a', owner: 'b' } },
        ill: { kind: 'tcp', host: '127.0.0.1', port: await closedPort() },
      },
    },
  })
  onTestFinished(program.remove)
  const prometheus = await startPrometheus(`
global: { scrape_interval: 500ms, evaluation_interval: 500ms }
rule_files: ["${join(root, 'prometheus/rules')}/*.yml"]
scrape_configs:
  - job_name: pulsecheck
    static_configs: [{ targets: ["${new URL(program.url).host}"] }]
`)
  onTestFinished(prometheus.stop)
  const isRecorded = async () => (await prometheus.query('dependency:dependency_up:max')).length > 0
  await until(isRecorded, 'the rules are evaluated', 60_000)

  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-pint-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const config = `
prometheus "here" {
  uri     = "${prometheus.url}"
  timeout = "30s"
}
checks {
  disabled = ${JSON.stringify(Object.keys(disabled))}
}
`
  writeFileSync(join(folder, 'pint.hcl'), config)
  const args = ['--no-color', '--config', join(folder, 'pint.hcl'), 'lint', '--min-severity', 'warning']
  const { status, stdout, stderr } = spawnSync(
    'pint',
    [...args, '--fail-on', 'warning', 'prometheus/rules'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
  expect(status === 0 ? '' : `${stdout}${stderr}`).toBe('')
})
