/** The wiring for everyone: dependencies in; state, verdicts, metrics and routes out. */
import type { FastifyPluginAsync } from 'fastify'
import { createExposition, type ExpositionResponse } from './exposition/exposition.ts'
import type { Family } from './exposition/family.ts'
import { createHistogram } from './exposition/histogram.ts'
import type { Dependency, Resolve } from './model/dependency.ts'
import type { DependencyOptions } from './model/kind.ts'
import { defaultBuckets, parseDependency } from './model/settings.ts'
import { version } from './model/version.ts'
import { createApply } from './monitor/apply.ts'
import { createSystemClock, type TimerClock } from './schedule/clock.ts'
import { createResolver } from './schedule/resolve.ts'
import { createScheduler } from './schedule/scheduler.ts'
import { type AccessRules, routes, type Sources } from './server/index.ts'
import { createStore, type StateReader } from './state/store.ts'
import { contradicted } from './state/transition.ts'
import { createBoard } from './views/board.ts'
import { type Logger, logChanges } from './views/logs.ts'
import { type DurationBuckets, followState } from './views/metrics.ts'
import { createProbes, type Probes } from './views/probes.ts'
import type { ProcessMetrics } from './views/process.ts'
import { lagBuckets, type Self, selfFamilies } from './views/self.ts'
import { type StatusReport, statusReport } from './views/status.ts'

export interface MonitorOptions {
  /** By name, or ready-made. */
  readonly dependencies: Readonly<Record<string, DependencyOptions>> | readonly Dependency[]
  /** Hears of every change of status. Default: nobody. */
  readonly logger?: Logger
  /** Checks at the same time, over all dependencies. Default 1,000. */
  readonly maxConcurrentChecks?: number
  /** Buckets of the check durations. Default: classic and native ones. */
  readonly durations?: DurationBuckets
  /** Families that are not ours, read once a scrape: the process's own. */
  readonly extra?: ExtraMetrics
  /** Facts of the service around the monitor. */
  readonly lastReload?: () => Self['lastReload']
  readonly lastWebReload?: () => Self['lastWebReload']
  readonly access?: AccessRules
  /** The running config with secrets hidden, for `/config`. */
  readonly config?: Sources['config']
  readonly reload?: Sources['reload']
  readonly clock?: TimerClock
  readonly resolve?: Resolve
}

/** Families over one subject, which is read anew at each scrape. */
export interface ExtraMetrics<Subject = ProcessMetrics> {
  readonly families: readonly Family<Subject>[]
  read(): Subject
  /** Awaited before each reading. */
  prepare(): Promise<void>
}

export interface Monitor {
  readonly state: StateReader
  readonly probes: Probes
  /** Every critical dependency is up and we are not draining. */
  ready(): boolean
  /** All that is known, as `/health` shows it. */
  status(): StatusReport
  /** The answer to a scrape with these request headers. */
  metrics(accept?: string, acceptEncoding?: string): Promise<ExpositionResponse>
  /** What routes read from: for a server of your own. */
  readonly sources: Sources
  /** Every endpoint, as a plugin for your own Fastify 5. */
  readonly routes: FastifyPluginAsync
  /** Begins to check. Once; further calls do nothing. */
  start(): void
  /** From now on not ready; checks go on. */
  drain(): void
  /** Ends all checks and leaves no handle. May be called twice, and before `start`. */
  stop(): Promise<void>
  /**
   * Exactly these dependencies from now on. What is unchanged keeps its state, its counters and its schedule. Every
   * answer is from before the change or from after it, never from in between. Resolves when the checks follow it too.
   */
  apply(dependencies: readonly Dependency[]): Promise<void>
}

/**
 * @throws TypeError if a dependency's options are wrong: nothing is started then.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  const resolver = createResolver()
  const {
    clock = createSystemClock(),
    resolve = resolver.resolve,
    maxConcurrentChecks = 1_000,
    logger,
  } = options
  const store = createStore(clock)
  const lag = createHistogram({ buckets: lagBuckets, createdSeconds: clock.wall() / 1_000 })
  const scheduler = createScheduler({
    clock,
    resolve,
    maxConcurrentChecks,
    report: (dependency, outcome) => contradicted(store.record(dependency.name, outcome)),
    lag: ms => lag.observe(ms / 1_000),
  })
  const probes = createProbes(store, scheduler.stalledMs)
  const exposition = createExposition({
    now: clock.now,
    onError: error => logger?.error({ cause: String(error) }, 'a metric family failed'),
  })
  const dependencyMetrics = followState(
    exposition,
    store,
    options.durations ?? { buckets: defaultBuckets, native: true },
  )
  const build = { version: version(), nodeVersion: process.version }
  exposition.collect(selfFamilies, () => {
    const lastReload = options.lastReload?.()
    const lastWebReload = options.lastWebReload?.()
    return {
      ready: ready(),
      checksInFlight: scheduler.inFlight(),
      schedulerLag: lag.value(),
      build,
      ...(lastReload !== undefined && { lastReload }),
      ...(lastWebReload !== undefined && { lastWebReload }),
    }
  })
  const { extra } = options
  if (extra !== undefined) exposition.collect(extra.families, extra.read, extra.prepare)
  if (logger !== undefined) logChanges(store, logger)

  const ready = () => probes.readiness().status !== 'unavailable'
  const { nextCheckAt } = scheduler
  const board = createBoard({ state: store, probes, nextCheckAt })
  const status = () => statusReport(store.snapshot(), probes.readiness(), nextCheckAt)
  const metrics: Monitor['metrics'] = (accept, acceptEncoding) => exposition.respond(accept, acceptEncoding)
  const { config, reload } = options
  const sources = {
    probes,
    board,
    status,
    metrics,
    ...(config && { config }),
    ...(reload && { reload }),
    ...(logger && { logger }),
  }
  let isStopped = false
  const apply = createApply({ store, scheduler, metrics: dependencyMetrics, isStopped: () => isStopped })
  for (const dependency of resolved(options.dependencies)) {
    store.put(dependency)
    scheduler.add(dependency)
  }
  return {
    state: store,
    probes,
    ready,
    status,
    metrics,
    sources,
    routes: routes(sources, options.access),
    start: scheduler.start,
    drain: probes.drain,
    async stop() {
      isStopped = true
      await scheduler.stop()
      resolver.close()
    },
    apply,
  }
}

function resolved(dependencies: MonitorOptions['dependencies']): readonly Dependency[] {
  if (Array.isArray(dependencies)) return dependencies
  return Object.entries(dependencies).map(([name, { kind, options }]) => parseDependency(name, kind, options))
}
