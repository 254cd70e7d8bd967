/** The wiring for everyone: dependencies in; state, verdicts and metrics out. */
import { checkOptions, readMonitor, readValues } from './config/values.ts'
import { createExposition, type Exposition } from './exposition/exposition.ts'
import { createHistogram } from './exposition/histogram.ts'
import { kinds } from './kinds/index.ts'
import type { DependencyDefinition } from './model/dependency.ts'
import type { SettingsInput } from './model/kind.ts'
import { guardLogger, silent } from './model/logger.ts'
import { defaultBuckets } from './model/settings.ts'
import { createApply } from './monitor/apply.ts'
import { createEvents } from './monitor/events.ts'
import type { Dependencies, Metrics, Monitor, MonitorOptions, ScrapeHeaders } from './monitor/interface.ts'
import {
  handlerOptions,
  listenOptions,
  monitorOptions,
  routesOptions,
  waitOptions,
} from './monitor/options.ts'
import { createBridge } from './monitor/registry.ts'
import { createWaiting } from './monitor/waiting.ts'
import { createSystemClock } from './schedule/clock.ts'
import { createResolver } from './schedule/resolve.ts'
import { createScheduler, type Scheduler } from './schedule/scheduler.ts'
import { createEmbedded } from './server/embedded.ts'
import { createStore, type StateReader } from './state/store.ts'
import { isContradicted } from './state/transition.ts'
import { createBoard } from './views/board.ts'
import { logChanges } from './views/logs.ts'
import { followState } from './views/metrics.ts'
import { createProbes } from './views/probes.ts'
import { lagBuckets, selfFamilies, version } from './views/self.ts'
import { statusParts, wholeReport } from './views/status.ts'

/**
 * Creates a monitor, which checks dependencies once it is started: `createMonitor({ dependencies })`, then `start()`. Until
 * then, every status is unknown, and nothing has been contacted.
 *
 * @throws TypeError with every problem of the options, in the words of the config file: nothing is started then.
 */
export function createMonitor(options: MonitorOptions): Monitor {
  const definitions = readMonitor(options, { kinds, schema: monitorOptions })
  const { defaults } = options
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
    ready: probes.ready(),
    checksInFlight: scheduler.inFlight(),
    schedulerLag: lag.value(),
    build,
  }))
  if (options.logger !== undefined) logChanges(store, logger)

  const { nextCheckAt } = scheduler
  const board = createBoard({ state: store, probes, nextCheckAt })
  const replaceAll = createApply({ store, scheduler, metrics: dependencyMetrics })
  const put = (definition: DependencyDefinition) => {
    store.put(definition.dependency)
    scheduler.add(definition)
  }
  for (const definition of definitions) put(definition)

  let isRunning = false
  const waiting = createWaiting({ state: store, probes, clock, isRunning: () => isRunning })
  async function stop(): Promise<void> {
    isRunning = false
    waiting.giveUp('the monitor was stopped')
    const stopped = scheduler.stop()
    resolver.close()
    await Promise.all([stopped, embedded.close()])
  }

  const redact = (text: string) => redactAll(text, store, scheduler)
  const parts = () => statusParts(store.snapshot(), probes.readiness(), nextCheckAt)
  const bridge = createBridge({ exposition, logger, nowSeconds: () => clock.wall() / 1_000 })
  const embedded = createEmbedded({ probes, board, statusParts: parts, logger, scrape: exposition.respond })

  return {
    state: store,
    probes,
    board,
    logger,
    ready: probes.ready,
    async waitUntilReady(options) {
      checkOptions('waitUntilReady', options, waitOptions)
      await waiting.untilReady(options)
    },
    status: () => wholeReport(parts()),
    statusParts: parts,
    on: createEvents(store, logger, redact),
    metrics: headers => answerWhole(exposition, headers),
    scrape: exposition.respond,
    collect: exposition.collect,
    include: bridge.include,
    exportTo: bridge.exportTo,
    routes(options) {
      checkOptions('routes', options, routesOptions)
      return embedded.routes(options)
    },
    handler(options) {
      checkOptions('handler', options, handlerOptions)
      return embedded.handler(options)
    },
    fetch(options) {
      checkOptions('fetch', options, handlerOptions)
      return embedded.fetch(options)
    },
    async listen(address, options) {
      checkOptions('listen', options, listenOptions)
      return await embedded.listen(address, options)
    },
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
    redact,
  }
}

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
  const { contentType, contentEncoding, body, release } = await respond(accept, encoding?.toString())
  const whole = Buffer.isBuffer(body) ? body : Buffer.concat([...body])
  release?.()
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
