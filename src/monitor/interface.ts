/** What a monitor is for those who use it: its options, its methods, and what they return. */
import type { ExpositionResponse } from '../exposition/exposition.ts'
import type { Family } from '../exposition/family.ts'
import type { DependencyDefinition } from '../model/dependency.ts'
import type { DependencyOptions, SettingsInput } from '../model/kind.ts'
import type { Logger } from '../model/logger.ts'
import type { TimerClock } from '../schedule/clock.ts'
import type { Resolve } from '../schedule/resolve.ts'
import type {
  EndpointOptions,
  Fetch,
  Handler,
  HandlerOptions,
  Listening,
  ListenOptions,
  Plugin,
} from '../server/options.ts'
import type { StateReader } from '../state/store.ts'
import type { Board } from '../views/board.ts'
import type { DurationBuckets } from '../views/metrics.ts'
import type { Probes } from '../views/probes.ts'
import type { StatusParts, StatusReport } from '../views/status.ts'
import type { On } from './events.ts'
import type { MetricsRegistry } from './registry.ts'
import type { WaitOptions } from './waiting.ts'

// Whoever uses the monitor can name the types of what it takes and gives.
export type { ExpositionResponse } from '../exposition/exposition.ts'
export type {
  Bucket,
  Exemplar,
  Family,
  HistogramSample,
  HistogramValue,
  Labels,
  NativeBuckets,
  NumberSample,
} from '../exposition/family.ts'
export type { TimerClock } from '../schedule/clock.ts'
export type { Resolve } from '../schedule/resolve.ts'
export type { Pulse, Replaced, Snapshot, StateListener, StateReader } from '../state/store.ts'
export type { DependencyState, Moment } from '../state/transition.ts'
export type { Board, BoardChanges, BoardRow } from '../views/board.ts'
export type { Readiness, ReadinessCheck } from '../views/health.ts'
export type { DurationBuckets } from '../views/metrics.ts'
export type { Probes, Verdict } from '../views/probes.ts'
export type {
  AdviceReport,
  CheckReport,
  DependencyReport,
  FailureReport,
  StatusParts,
  StatusReport,
} from '../views/status.ts'

/** What to check, by name: a URL whose scheme names a kind, or what a kind's function or `check` returns. */
export type Dependencies = Readonly<Record<string, string | DependencyOptions>>

/** What a monitor checks, and with what. */
export interface MonitorOptions {
  /**
   * What to check, by name: a URL whose scheme names a kind, or what a kind's function or `check` returns:
   * `{ cache: 'redis://127.0.0.1', db: postgres({ pool }), jobs: check(countJobs) }`. Or a list of ready-made ones.
   */
  readonly dependencies: Dependencies | readonly DependencyDefinition[]
  /** The keys that every dependency has where it does not set them itself: `{ interval: '10s', timeout: '2s' }`. */
  readonly defaults?: SettingsInput | undefined
  /**
   * Receives a line for each change of status, for each check at `debug`, and for faults of our own: a pino logger,
   * `console`, or an object with some of the levels. Default: nothing is logged.
   */
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
  /** Chooses the format: text, OpenMetrics or protobuf. */
  readonly accept?: string | undefined
  /** Chooses gzip or none. */
  readonly 'accept-encoding'?: string | readonly string[] | undefined
}

/** The answer to a scrape, whole: `response.set(headers).send(body)`. */
export interface Metrics {
  /** `content-type`, `content-length`, and what else belongs to the body. */
  readonly headers: Readonly<Record<string, string>>
  /** All families in the format that was asked for. */
  readonly body: Buffer
}

/**
 * Checks dependencies on schedule and keeps what is known of them. It touches nothing of the process: no signals, no
 * environment, no default registry, no global agent. Several may live in one process.
 */
export interface Monitor extends AsyncDisposable {
  /** All that is known of each dependency, for reading. */
  readonly state: StateReader
  /** @internal The verdicts that the probes answer with. */
  readonly probes: Probes
  /** @internal All that the status page shows, with what has changed. */
  readonly board: Board
  /** The application's logger, made safe to call: what it throws is dropped. */
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
  /** @internal The same, whose dependencies are made when they are read: for many of them. */
  statusParts(): StatusParts
  /** Calls a listener for every `change` of a status, or every `result`; see `On`. Returns what ends it. */
  readonly on: On
  /** The answer to a scrape with these request headers: always a Buffer. Asks no dependency, and never rejects. */
  metrics(headers?: ScrapeHeaders): Promise<Metrics>
  /** @internal The same for servers of our own: the body of a large plain answer is its pages. Call `release` afterwards. */
  scrape(accept: string | undefined, acceptEncoding: string | undefined): Promise<ExpositionResponse>
  /**
   * Adds families to every scrape: `read` gives their subject, once for each scrape and after `prepare` has resolved. If
   * either fails, the families have no samples in that scrape, and the logger is told.
   *
   * @throws TypeError if a name is not valid or is already taken.
   */
  collect<Subject>(
    families: readonly Family<Subject>[],
    read: () => Subject,
    prepare?: () => Promise<void>,
  ): void
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
