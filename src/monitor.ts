/** The wiring for everyone: dependencies in; state, verdicts and metrics out. */
import { buffer } from 'node:stream/consumers'
import { readValues, refuseUnknown } from './config/values.ts'
import { createExposition, type Exposition } from './exposition/exposition.ts'
import { createHistogram } from './exposition/histogram.ts'
import { kinds } from './kinds/index.ts'
import type { DependencyDefinition } from './model/dependency.ts'
import type { DependencyOptions, SettingsInput } from './model/kind.ts'
import { type Logger, silent, version } from './model/process.ts'
import { defaultBuckets } from './model/settings.ts'
import { createApply } from './monitor/apply.ts'
import { createEvents, type On } from './monitor/events.ts'
import { guardLogger } from './monitor/logger.ts'
import { createBridge, type MetricsRegistry } from './monitor/registry.ts'
import { createWaiting, type WaitOptions } from './monitor/waiting.ts'
import { createSystemClock, type TimerClock } from './schedule/clock.ts'
import { createResolver, type Resolve } from './schedule/resolve.ts'
import { createScheduler, type Scheduler } from './schedule/scheduler.ts'
import { createEmbedded } from './server/embedded.ts'
import type {
  EndpointOptions,
  Fetch,
  Handler,
  HandlerOptions,
  Listening,
  ListenOptions,
  Plugin,
} from './server/options.ts'
import { createStore, type StateReader } from './state/store.ts'
import { isContradicted } from './state/transition.ts'
import { type Board, createBoard } from './views/board.ts'
import { logChanges } from './views/logs.ts'
import { type DurationBuckets, followState } from './views/metrics.ts'
import { createProbes, type Probes } from './views/probes.ts'
import { lagBuckets, selfFamilies } from './views/self.ts'
import { type StatusParts, type StatusReport, statusParts, wholeReport } from './views/status.ts'

export type { Family } from './exposition/family.ts'
export type { Resolve } from './schedule/resolve.ts'

/** What to check, by name: a URL whose scheme names a kind, or what a kind's function or `check` returns. */
export type Dependencies = Readonly<Record<string, string | DependencyOptions>>

export interface MonitorOptions {
  /** By name, or ready-made. */
  readonly dependencies: Dependencies | readonly DependencyDefinition[]
  /** The keys that every dependency has where it does not set them itself. */
  readonly defaults?: SettingsInput | undefined
  /** Receives a line for each change of status, and faults of our own. It may lack levels. Default: none. */
  readonly logger?: Partial<Logger> | undefined
  /** Checks at the same time, over all dependencies. Default 1,000. */
  readonly maxConcurrentChecks?: number | undefined
  /** Buckets of the check durations. Default: classic and native ones. */
  readonly durations?: DurationBuckets | undefined
  /** Default: the clock of the system. */
  readonly clock?: TimerClock | undefined
  /** Resolves host names for all checks. Default: a resolver of the monitor's own. */
  readonly resolve?: Resolve | undefined
}

/** The headers of a scrape that decide what it gets, as Node gives them: `request.headers`. */
export interface ScrapeHeaders {
  readonly accept?: string | undefined
  readonly 'accept-encoding'?: string | readonly string[] | undefined
}

/** The answer to a scrape, whole: `response.set(headers).send(body)`. */
export interface Metrics {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/**
 * Checks dependencies on schedule and keeps what is known of them. It touches nothing of the process: no signals, no
 * environment, no default registry, no global agent. Several may live in one process.
 */
export interface Monitor extends AsyncDisposable {
  readonly state: StateReader
  readonly probes: Probes
  /** All that the status page shows, with what has changed. */
  readonly board: Board
  readonly logger: Logger
  /** Whether every critical dependency is up and the monitor is not draining. */
  ready(): boolean
  /**
   * Resolves once `ready()` is true.
   *
   * @throws NotReadyError after the timeout, when the signal aborts, or when the monitor stops; it names who is missing.
   */
  waitUntilReady(options?: WaitOptions): Promise<void>
  /** Everything that is known, as `/health` shows it. */
  status(): StatusReport
  /** The same, whose dependencies are made when they are read: for many of them. */
  statusParts(): StatusParts
  /** Calls a listener for every `change` of a status, or every `result`; see `On`. Returns what ends it. */
  readonly on: On
  /** The answer to a scrape with these request headers: always a Buffer. Asks no dependency, and never rejects. */
  metrics(headers?: ScrapeHeaders): Promise<Metrics>
  /** The same for servers that stream: the body of a large answer is a stream, to be read or destroyed. */
  readonly scrape: Exposition['respond']
  /**
   * Adds families to every scrape: `read` gives their subject, once for each scrape and after `prepare` has resolved. If
   * either fails, the families have no samples in that scrape, and the logger is told.
   *
   * @throws TypeError if a name is not valid or is already taken.
   */
  readonly collect: Exposition['collect']
  /**
   * Shows the metrics of a registry, prom-client's or its successor's, in every scrape and format, so that one `/metrics`
   * serves both. What clashes with a name of ours is left out, and the logger is told.
   *
   * @throws TypeError if the registry has our families.
   */
  include(registry: MetricsRegistry): void
  /**
   * Puts our families into a registry, prom-client's or its successor's. Each of its scrapes shows one moment of ours.
   * Returns what takes them out again.
   *
   * @throws Error if a name is taken there: it has none of them then. TypeError if the registry is included.
   */
  exportTo(registry: MetricsRegistry): () => void
  /**
   * The endpoints as a Fastify plugin: `app.register(monitor.routes(), { prefix: '/internal' })`. The application's hooks
   * do not run for them, and theirs not for the application. Access is decided by `request.ip`, so the application's
   * `trustProxy` applies.
   *
   * @throws TypeError for an entry of `access` that is not valid.
   */
  routes(options?: EndpointOptions): Plugin
  /**
   * The endpoints for `node:http`, Express, Nest and Koa: `app.use('/internal', monitor.handler())`, or with a `prefix`
   * `createServer(monitor.handler({ prefix: '/internal' }))`. Access is decided by the address of the connection.
   *
   * @throws TypeError for a prefix or an entry of `access` that is not valid.
   */
  handler(options?: HandlerOptions): Handler
  /**
   * The endpoints for web-standard requests: a function from `Request` to `Response`.
   *
   * @throws TypeError for a prefix or an entry of `access` that is not valid.
   */
  fetch(options?: HandlerOptions): Fetch
  /**
   * Serves the endpoints on a port of their own, with all limits of the stand-alone service: `monitor.listen(':9797')`.
   *
   * @throws TypeError (as a rejection) for an address or an entry of `access` that is not valid; Error if the address
   *   cannot be bound.
   */
  listen(address: string, options?: ListenOptions): Promise<Listening>
  /** Starts checking; after `stop`, again, with what is known. Further calls do nothing. */
  start(): void
  /** From now on, the monitor is not ready, until it is stopped and started again. Checks go on. */
  drain(): void
  /**
   * Ends all checks and leaves no handle: the process can end by itself. Takes half a second at most, whatever hangs. May
   * be called twice, and before `start`. What is known stays, and grows stale.
   */
  stop(): Promise<void>
  /**
   * Begins to check one more dependency.
   *
   * @throws TypeError with every problem if its name is taken or its options are wrong: nothing has changed then.
   */
  add(name: string, dependency: string | DependencyOptions): void
  /** Ends the checks of a dependency, and forgets it. Returns whether there was one of that name. */
  remove(name: string): boolean
  /**
   * Makes these the dependencies, in this order. What is unchanged keeps its state, its counters and its schedule. Every
   * answer is from before the change or from after it, never from in between. Resolves when the schedule has followed.
   *
   * @throws TypeError (as a rejection) with every problem: nothing has changed then.
   */
  apply(dependencies: MonitorOptions['dependencies']): Promise<void>
  /** Replaces every secret of every dependency in a text. */
  redact(text: string): string
}

/**
 * @throws TypeError with every problem of the options, in the words of the config file: nothing is started then.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  refuseUnknown('createMonitor', options, optionNames)
  const { defaults } = options
  const definitions = define(options.dependencies, { defaults })
  const resolver = createResolver()
  const { clock = createSystemClock(), resolve = resolver.resolve } = options
  const { maxConcurrentChecks = 1_000, durations = { buckets: defaultBuckets, native: true } } = options
  const logger = options.logger === undefined ? silent : guardLogger(options.logger)
  const store = createStore(clock)
  const lag = createHistogram({ buckets: lagBuckets, createdSeconds: clock.wall() / 1_000 })
  const scheduler = createScheduler({
    clock,
    resolve,
    maxConcurrentChecks,
    report: (dependency, outcome) => isContradicted(store.record(dependency.name, outcome)),
    lag: ms => lag.observe(ms / 1_000),
  })
  const probes = createProbes(store, scheduler.stalledMs)
  const exposition = createExposition({
    now: clock.now,
    onError: error => logger.error({ cause: String(error) }, 'a metric family failed'),
  })
  const dependencyMetrics = followState(exposition, store, durations)
  const build = { version: version(), nodeVersion: process.version }
  exposition.collect(selfFamilies, () => ({
    ready: ready(),
    checksInFlight: scheduler.inFlight(),
    schedulerLag: lag.value(),
    build,
  }))
  if (options.logger !== undefined) logChanges(store, logger)

  const ready = () => probes.readiness().status !== 'unavailable'
  const { nextCheckAt } = scheduler
  const board = createBoard({ state: store, probes, nextCheckAt })
  const waiting = createWaiting(store, probes, clock)
  const replaceAll = createApply({ store, scheduler, metrics: dependencyMetrics })
  const put = (definition: DependencyDefinition) => {
    store.put(definition.dependency)
    scheduler.add(definition)
  }
  for (const definition of definitions) put(definition)

  let isRunning = false
  async function stop(): Promise<void> {
    isRunning = false
    waiting.giveUp('the monitor was stopped')
    const stopped = scheduler.stop()
    resolver.close()
    await Promise.all([stopped, embedded.close()])
  }

  const parts = () => statusParts(store.snapshot(), probes.readiness(), nextCheckAt)
  const bridge = createBridge({ exposition, logger, nowSeconds: () => clock.wall() / 1_000 })
  const embedded = createEmbedded({ probes, board, statusParts: parts, logger, scrape: exposition.respond })

  return {
    state: store,
    probes,
    board,
    logger,
    ready,
    waitUntilReady: waiting.untilReady,
    status: () => wholeReport(parts()),
    statusParts: parts,
    on: createEvents(store, logger),
    metrics: headers => answerWhole(exposition, headers),
    scrape: exposition.respond,
    collect: exposition.collect,
    include: bridge.include,
    exportTo: bridge.exportTo,
    routes: embedded.routes,
    handler: embedded.handler,
    fetch: embedded.fetch,
    listen: embedded.listen,
    start() {
      if (isRunning) return
      isRunning = true
      probes.resume()
      scheduler.start()
    },
    drain: probes.drain,
    stop,
    [Symbol.asyncDispose]: stop,
    add(name, dependency) {
      const taken = store.snapshot().states.map(state => state.dependency.name)
      for (const definition of define({ [name]: dependency }, { defaults, taken })) put(definition)
    },
    remove(name) {
      scheduler.remove(name)
      const isKnown = store.get(name) !== undefined
      store.remove(name)
      return isKnown
    },
    apply: async dependencies => await replaceAll(define(dependencies, { defaults })),
    redact: text => redactAll(text, store, scheduler),
  }
}

const optionNames: readonly (keyof MonitorOptions)[] = [
  ...(['dependencies', 'defaults', 'logger', 'maxConcurrentChecks'] as const),
  ...(['durations', 'clock', 'resolve'] as const),
]

function define(
  dependencies: MonitorOptions['dependencies'],
  { defaults, taken = [] }: { defaults: SettingsInput | undefined; taken?: readonly string[] },
): readonly DependencyDefinition[] {
  if (Array.isArray(dependencies)) return dependencies
  return readValues({ dependencies: dependencies as Dependencies, defaults }, { kinds, taken })
}

async function answerWhole(
  { respond }: Pick<Exposition, 'respond'>,
  { accept, 'accept-encoding': encoding }: ScrapeHeaders = {},
): Promise<Metrics> {
  const { contentType, contentEncoding, body } = await respond(accept, encoding?.toString())
  const whole = Buffer.isBuffer(body) ? body : await buffer(body)
  const headers = {
    'content-type': contentType,
    ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
    'content-length': String(whole.length),
    vary: 'Accept, Accept-Encoding',
    'cache-control': 'no-store',
  }
  return { headers, body: whole }
}

function redactAll(text: string, store: StateReader, { get }: Pick<Scheduler, 'get'>): string {
  const names = store.snapshot().states.map(({ dependency }) => dependency.name)
  return names.reduce((clean, name) => get(name)?.redact(clean) ?? clean, text)
}
