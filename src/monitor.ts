/** The wiring for everyone: dependencies in; state, verdicts and metrics out. */
import { createExposition, type Exposition, type ExpositionResponse } from './exposition/exposition.ts'
import { createHistogram } from './exposition/histogram.ts'
import { type DependencyDefinition, parseDependency } from './model/definition.ts'
import type { DependencyOptions } from './model/kind.ts'
import { type Logger, silent, version } from './model/process.ts'
import { defaultBuckets } from './model/settings.ts'
import { createApply } from './monitor/apply.ts'
import { createSystemClock, type TimerClock } from './schedule/clock.ts'
import { createResolver, type Resolve } from './schedule/resolve.ts'
import { createScheduler, type Scheduler } from './schedule/scheduler.ts'
import { createStore, type StateReader } from './state/store.ts'
import { isContradicted } from './state/transition.ts'
import { type Board, createBoard } from './views/board.ts'
import { logChanges } from './views/logs.ts'
import { type DurationBuckets, followState } from './views/metrics.ts'
import { createProbes, type Probes } from './views/probes.ts'
import { lagBuckets, selfFamilies } from './views/self.ts'
import { type StatusReport, statusReport } from './views/status.ts'

export type { Family } from './exposition/family.ts'
export type { Resolve } from './schedule/resolve.ts'

export interface MonitorOptions {
  /** By name, or ready-made. */
  readonly dependencies: Readonly<Record<string, DependencyOptions>> | readonly DependencyDefinition[]
  /** Receives a line for each change of status, and faults of our own. Default: none. */
  readonly logger?: Logger | undefined
  /** Checks at the same time, over all dependencies. Default 1,000. */
  readonly maxConcurrentChecks?: number | undefined
  /** Buckets of the check durations. Default: classic and native ones. */
  readonly durations?: DurationBuckets | undefined
  /** Default: the clock of the system. */
  readonly clock?: TimerClock | undefined
  /** Resolves host names for all checks. Default: a resolver of the monitor's own. */
  readonly resolve?: Resolve | undefined
}

/** What routes, bridges and applications read from. */
export interface Monitor {
  readonly state: StateReader
  readonly probes: Probes
  /** All that the status page shows, with what has changed. */
  readonly board: Board
  readonly logger: Logger
  /** Whether every critical dependency is up and the monitor is not draining. */
  ready(): boolean
  /** Everything that is known, as `/health` shows it. */
  status(): StatusReport
  /** The answer to a scrape with these request headers. */
  metrics(accept?: string, acceptEncoding?: string): Promise<ExpositionResponse>
  /**
   * Adds families to every scrape: `read` gives their subject, once for each scrape and after `prepare` has resolved. If
   * either fails, the families have no samples in that scrape, and the logger is told.
   *
   * @throws TypeError if a name is not valid or is already taken.
   */
  readonly collect: Exposition['collect']
  /** Starts checking. Further calls do nothing. */
  start(): void
  /** From now on, the monitor is not ready. Checks go on. */
  drain(): void
  /** Ends all checks and leaves no handle. May be called twice, and before `start`. */
  stop(): Promise<void>
  /**
   * Makes these the dependencies, in this order. What is unchanged keeps its state, its counters and its schedule. Every
   * answer is from before the change or from after it, never from in between. Resolves when the schedule has followed.
   */
  apply(dependencies: readonly DependencyDefinition[]): Promise<void>
  /** Replaces every secret of every dependency in a text. */
  redact(text: string): string
}

/**
 * @throws TypeError if a dependency's options are wrong: nothing is started then.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  const resolver = createResolver()
  const { clock = createSystemClock(), resolve = resolver.resolve, logger = silent } = options
  const { maxConcurrentChecks = 1_000, durations = { buckets: defaultBuckets, native: true } } = options
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
  let isStopped = false
  const apply = createApply({ store, scheduler, metrics: dependencyMetrics, isStopped: () => isStopped })
  for (const definition of define(options.dependencies)) {
    store.put(definition.dependency)
    scheduler.add(definition)
  }
  return {
    state: store,
    probes,
    board,
    logger,
    ready,
    status: () => statusReport(store.snapshot(), probes.readiness(), nextCheckAt),
    metrics: exposition.respond,
    collect: exposition.collect,
    start: scheduler.start,
    drain: probes.drain,
    async stop() {
      isStopped = true
      await scheduler.stop()
      resolver.close()
    },
    apply,
    redact: text => redactAll(text, store, scheduler),
  }
}

function redactAll(text: string, store: StateReader, { get }: Pick<Scheduler, 'get'>): string {
  const names = store.snapshot().states.map(({ dependency }) => dependency.name)
  return names.reduce((clean, name) => get(name)?.redact(clean) ?? clean, text)
}

function define(dependencies: MonitorOptions['dependencies']): readonly DependencyDefinition[] {
  if (Array.isArray(dependencies)) return dependencies
  return Object.entries(dependencies).map(([name, { kind, options }]) => parseDependency(name, kind, options))
}
