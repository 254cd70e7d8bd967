/** A small memory limit: 100 dependencies and their scrapes fit into 96 MiB. `npm run soak -- --memory=96` takes an hour. */
import { afterEach, expect, test } from 'vitest'
import { accepts, gzip, read } from '../../bench/support/scraper.ts'
import { freshLauncher } from '../../scripts/fresh.ts'
import { createMemoryGroup, joining } from '../attack/memory-group.ts'
import { type HttpServer, serveHttp } from '../support/http.ts'
import { type Program, startProgram } from '../support/program.ts'

const group = createMemoryGroup(96 * 2 ** 20)
let program: Program | undefined
let http: HttpServer | undefined
afterEach(async () => {
  await program?.remove()
  await http?.stop()
  group?.remove()
})

test.skipIf(group === undefined)(
  '100 dependencies run in 96 MiB, scraped in every format',
  { timeout: 120_000 },
  async () => {
    http = await serveHttp((_request, response) => response.end('ok'))
    const { url } = http
    const dependencies = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`d${i}`, url]))
    program = await startProgram({
      config: { defaults: { interval: '1s', timeout: '1s' }, dependencies },
      launcher: freshLauncher(),
      inside: joining(group!.procs),
    })
    const port = Number(new URL(program.url).port)
    for (let i = 0; i < 100; i++)
      for (const accept of Object.values(accepts)) {
        await read(port, '/metrics', { accept })
        await read(port, '/metrics', { accept, ...gzip })
      }
    expect(program.child.exitCode).toBeNull()
    expect(await program.metric('dependency_checks_total{dependency="d0",kind="http"}')).toBeGreaterThan(0)
  },
)
