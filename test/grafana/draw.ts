/** Draws the dashboards with data of the demo, for the documents: `npm run drawings`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../docs/documents.ts'
import { printed } from '../mixin/printed.ts'
import { startBrowser } from '../support/browser.ts'
import { until } from '../support/net.ts'
import { launch } from '../support/program.ts'
import { startPrometheus } from '../support/prometheus.ts'
import { readDashboards } from './dashboards.ts'
import { draw } from './drawing.ts'

const seconds = 75
/** Of the kinds of the demo, so that there are no panels of others. */
const dependencies = { a: 'redis://a', b: 'http://b', c: 'postgres://c@c/c' }
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-drawing-'))
const demo = launch({ flags: ['demo', '--pace', '5s', '--web.listen-address', '127.0.0.1:0'] })
const isServing = () => demo.output().stdout.includes('/metrics')
await until(isServing, 'the demo serves', 60_000)
const address = /http:\/\/(127\.0\.0\.1:\d+)\/metrics/.exec(demo.output().stdout)?.[1] ?? ''
const rules = join(folder, 'rules.yml')
const quick = (await printed('rules --scrape-interval 500ms')).replaceAll(
  /interval: \w+$/gm,
  'interval: 500ms',
)
writeFileSync(rules, quick)
const prometheus = await startPrometheus(`
global: { scrape_interval: 500ms, evaluation_interval: 500ms }
rule_files: ["${rules}"]
scrape_configs:
  - job_name: pulsecheck
    static_configs: [{ targets: ["${address}"] }]
`)
const browser = await startBrowser()
try {
  await sleep(seconds * 1_000)
  // Something is down now, so that every panel has something to show.
  const isDown = async () => (await prometheus.query('dependency_up{dependency="orders-db"} == 0')).length > 0
  await until(isDown, 'something is down', 30_000)
  const to = Date.now() / 1_000
  for (const name of readDashboards().keys()) {
    const dashboard = JSON.parse(await printed(`dashboard ${name.replace('.json', '')}`, { dependencies }))
    const moment = {
      prometheus,
      from: to - seconds,
      to,
      dependency: name === 'dependency.json' ? 'orders-db' : '.+',
    }
    const page = await browser.newPage({ viewport: { width: 1_432, height: 1_000 } })
    await page.setContent(await draw(dashboard, moment))
    await page.screenshot({
      path: join(root, `docs/drawing-${name.replace('.json', '.png')}`),
      fullPage: true,
    })
  }
} finally {
  await browser.close()
  await prometheus.stop()
  // Killed at once, it would leave its PostgreSQL behind.
  demo.child.kill('SIGTERM')
  await demo.ended
  await demo.remove()
  rmSync(folder, { recursive: true })
}
