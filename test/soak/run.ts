/**
 * An hour in the life of the program as it is shipped: `npm run soak`.
 *
 *     node test/soak/run.ts [--minutes=60] [--dependencies=200] [--memory=MiB]
 *
 * Mixed dependencies come, fail and go; it is scraped in every format, read by people, and reloaded. At every look, after
 * a forced collection, it is asked for its heap, sockets and timers. Ends with 1 unless they are flat: the median of the
 * last third is compared with that of the second one, since the first warms up. With `--memory`, it runs in a cgroup of so
 * many MiB, where one can be made.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { accepts, gzip, read } from '../../bench/support/scraper.ts'
import { median } from '../../bench/support/statistics.ts'
import { freshLauncher } from '../../scripts/fresh.ts'
import { createMemoryGroup, joining } from '../attack/memory-group.ts'
import { closedPort, listen, until } from '../support/net.ts'
import { checkerPassword, startPostgres } from '../support/postgres.ts'
import { startProgram } from '../support/program.ts'
import { startRedis } from '../support/redis.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    dependencies: { type: 'string', default: '200' },
    memory: { type: 'string' },
  },
})
const runMs = Number(values.minutes) * 60_000
const count = Number(values.dependencies)
/** So often the cast changes: a tenth of the dependencies goes, and as many come. */
const turnMs = Math.min(15_000, runMs / 20)
const looks = 30

/** Up, refusing, breaking off and silent, a turn each. */
let turn = 0
const service = createServer((request, response) => {
  const mood = request.url === '/steady' ? 0 : turn % 4
  if (mood === 0) response.end('{"status":"ok"}')
  else if (mood === 1) response.writeHead(503).end('no')
  else if (mood === 2) request.socket.destroy()
})
const port = await listen(service)
const refused = await closedPort()
const redis = await startRedis()
const postgres = await startPostgres({ hba: ['host all all all scram-sha-256'] })

function dependencyOf(i: number): object | string {
  const database = { host: '127.0.0.1', port: postgres.port, user: 'checker', database: 'orders' }
  const cast = [
    `http://127.0.0.1:${port}/steady`,
    { kind: 'http', url: `http://127.0.0.1:${port}/moody`, traceparent: true },
    `tcp://127.0.0.1:${port}`,
    { kind: 'tcp', host: '127.0.0.1', port: refused, critical: false },
    `redis://127.0.0.1:${redis.port}`,
    { kind: 'postgres', ...database, password: checkerPassword },
    { kind: 'postgres', ...database, password: 'wrong' },
    { kind: 'http', url: `http://127.0.0.1:${port}/steady`, expect: { json: { status: 'ok' } } },
    `grpc://127.0.0.1:${port}`,
    `tls://127.0.0.1:${port}`,
  ]
  const chosen = cast[i % cast.length] ?? ''
  return chosen === `tls://127.0.0.1:${port}` ? { kind: 'tls', host: '127.0.0.1', port } : chosen
}

function configOf(generation: number): object {
  const first = generation * Math.ceil(count / 10)
  const ids = Array.from({ length: count }, (_, i) => first + i)
  return {
    defaults: { interval: '5s', timeout: '1s' },
    dependencies: Object.fromEntries(ids.map(i => [`dependency-${i}`, dependencyOf(i)])),
  }
}

/** Says, on SIGUSR2, what the program holds after a collection. */
const spy = `
  import { setFlagsFromString } from 'node:v8'
  import { runInNewContext } from 'node:vm'
  process.on('SIGUSR2', () => {
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    const held = Object.groupBy(process.getActiveResourcesInfo(), name => /Timeout|Immediate/.test(name) ? 'timers' : /TCP|TLS/.test(name) ? 'sockets' : 'others')
    const { heapUsed, external } = process.memoryUsage()
    process.stderr.write('HELD ' + JSON.stringify({ heap: (heapUsed + external) / 2 ** 20, timers: held.timers?.length ?? 0, sockets: held.sockets?.length ?? 0 }) + '\\n')
  })`

interface Look {
  readonly heap: number
  readonly timers: number
  readonly sockets: number
  readonly descriptors: number
  readonly rss: number
}

const group = values.memory === undefined ? undefined : createMemoryGroup(Number(values.memory) * 2 ** 20)
if (values.memory !== undefined && group === undefined) throw new Error('no cgroup can be made here')
const program = await startProgram({
  config: configOf(0),
  launcher: freshLauncher(),
  inside: group === undefined ? [] : joining(group.procs),
  env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(spy)}` },
})
const { pid } = program.child
const programPort = Number(new URL(program.url).port)

async function look(): Promise<Look> {
  const said = () => program.output().stderr.match(/^HELD .*$/gm) ?? []
  const before = said().length
  process.kill(pid ?? 0, 'SIGUSR2')
  await until(() => said().length > before, 'the program says what it holds', 60_000)
  const held: Pick<Look, 'heap' | 'timers' | 'sockets'> = JSON.parse(
    said().at(-1)?.slice('HELD '.length) ?? '',
  )
  const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024
  return { ...held, rss, descriptors: readdirSync(`/proc/${pid}/fd`).length }
}

/** A reader of the page, whose feed of changes breaks off after a while. */
function watchPage(ms: number): void {
  const request = get({ port: programPort, host: '127.0.0.1', path: '/-/events', agent: false }, response =>
    response.on('error', () => {}).resume(),
  )
  request.on('error', () => {})
  setTimeout(() => request.destroy(), ms)
}

async function readAll(): Promise<void> {
  const scrapes = Object.values(accepts).flatMap(accept => [{ accept }, { accept, ...gzip }])
  const paths = ['/', '/health', '/healthz', '/readyz', '/config']
  await Promise.all([
    ...scrapes.map(headers => read(programPort, '/metrics', headers).catch(() => lost++)),
    // Not ready is an answer too.
    ...paths.map(path => read(programPort, path, {}).catch(() => {})),
  ])
}

const taken: Look[] = []
let lost = 0
const started = performance.now()
try {
  while (performance.now() - started < runMs) {
    turn += 1
    writeFileSync(program.configFile, stringify(configOf(turn)))
    process.kill(pid ?? 0, 'SIGHUP')
    for (let i = 0; i < 3; i++) {
      watchPage(turnMs / 2)
      await sleep(turnMs / 3)
      await readAll()
    }
    if (performance.now() - started >= (taken.length / looks) * runMs) taken.push(await look())
  }
} finally {
  await program.remove()
  group?.remove()
  service.closeAllConnections()
  service.close()
  await Promise.all([redis.remove(), postgres.stop()])
}

const third = Math.floor(taken.length / 3)
const [second, last] = [taken.slice(third, 2 * third), taken.slice(2 * third)]
const allowed = { heap: 2, timers: 20, sockets: 20, descriptors: 20, rss: 15 }
const rows = Object.entries(allowed).map(([key, more]) => {
  const of = (looks: readonly Look[]) => median(looks.map(each => each[key as keyof Look]))
  return {
    what: key,
    second: of(second).toFixed(1),
    last: of(last).toFixed(1),
    grew: of(last) - of(second),
    bar: `at most ${more}`,
    isMet: of(last) - of(second) <= more,
  }
})
console.log(
  `${values.minutes} minutes, ${count} dependencies, ${turn} reloads, ${taken.length} looks, ${lost} scrapes lost`,
)
console.table(
  Object.fromEntries(
    rows.map(({ what, second, last, grew, bar, isMet }) => [
      what,
      {
        'second third': second,
        'last third': last,
        grew: grew.toFixed(1),
        bar,
        '': isMet ? 'met' : 'missed',
      },
    ]),
  ),
)
process.exitCode = rows.every(({ isMet }) => isMet) && lost === 0 ? 0 : 1
