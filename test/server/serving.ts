/** A server over a state that the test plays, and clients that say exactly the bytes they are told to. */
import { connect, type Socket } from 'node:net'
import type { CheckResult } from '../../src/model/dependency.ts'
import type { Monitored } from '../../src/server/routes/context.ts'
import { createServer, type Server, type ServerSettings } from '../../src/server/server.ts'
import { createStore, type Store } from '../../src/state/store.ts'
import { createBoard } from '../../src/views/board.ts'
import { createProbes, type Probes } from '../../src/views/probes.ts'
import { statusParts } from '../../src/views/status.ts'
import { dependency } from '../support/dependency.ts'

/** What routes read from, with what a service adds to it. */
export type Served = Monitored & Pick<ServerSettings, 'config' | 'reload'>

export interface World {
  readonly store: Store
  readonly probes: Probes
  readonly monitor: Served
  /** What the server warned of. */
  readonly warnings: { readonly fields: object; readonly message: string }[]
  /** Time that passes for states and probes alone, in milliseconds. */
  pass(ms: number): void
  record(name: string, ok: boolean): void
}

/** `orders-db` is critical, `cache` is not; nothing is known of either. */
export function world(overrides: Partial<Served> = {}): World {
  let passed = 0
  const clock = { now: () => 1_000 + passed, wall: () => Date.UTC(2026, 0, 1) + passed }
  const store = createStore(clock)
  store.put(dependency({ name: 'orders-db', failureThreshold: 1 }))
  store.put(dependency({ name: 'cache', critical: false, failureThreshold: 1 }))
  const probes = createProbes(store, () => 0)
  const warnings: World['warnings'] = []
  const monitor: Served = {
    probes,
    statusParts: () => statusParts(store.snapshot(), probes.readiness()),
    board: createBoard({ state: store, probes }),
    scrape: async () => ({
      contentType: 'text/plain; version=0.0.4',
      contentLength: 5,
      body: Buffer.from('up 1\n'),
    }),
    logger: { warn: (fields, message) => void warnings.push({ fields, message }) },
    ...overrides,
  }
  const record = (name: string, ok: boolean) => {
    const completed = {
      at: clock.wall(),
      monotonicAt: clock.now(),
      durationMs: 5,
      phases: {},
      measurements: {},
    }
    const failure = { reason: 'unhealthy', detail: 'http_503', message: 'says <b>no</b>' } as const
    store.record(name, (ok ? { ...completed, ok } : { ...completed, ok, ...failure }) satisfies CheckResult)
  }
  const pass = (ms: number) => {
    passed += ms
  }
  return { store, probes, monitor, warnings, pass, record }
}

export interface Serving extends AsyncDisposable {
  readonly server: Server
  readonly port: number
  readonly url: string
  /** Of the first of `probesListen`; 0 if there is none. */
  readonly probesPort: number
}

/** A started server on a free loopback port. */
export async function serving(monitor: Served, settings: Partial<ServerSettings> = {}): Promise<Serving> {
  const server = createServer(monitor, {
    listen: [{ host: '127.0.0.1', port: 0 }],
    config: monitor.config,
    reload: monitor.reload,
    ...settings,
  })
  const [address, probes] = await server.start()
  const port = address!.port
  const scheme = settings.web?.tls === undefined ? 'http' : 'https'
  const probesPort = probes?.port ?? 0
  return {
    server,
    port,
    probesPort,
    url: `${scheme}://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.close(0),
  }
}

/** All that comes back, until the server ends the connection. */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(bytes)
  return read(socket)
}

export async function read(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  // An end by reset is an end.
  await new Promise(resolve => socket.once('close', resolve))
  return Buffer.concat(chunks).toString('latin1')
}
