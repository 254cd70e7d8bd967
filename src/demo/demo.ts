/** The demo: one act after another on real servers, each printed as one line. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kinds } from '../kinds/index.ts'
import type { Monitor } from '../monitor/interface.ts'
import { ListenError } from '../server/http/listener.ts'
import { type Service, type ServiceOptions, startService } from '../service.ts'
import { statusAt } from '../state/transition.ts'
import { describeCause } from '../views/status.ts'
import { type Actor, gatherActors, introduce, writeConfig } from './cast.ts'
import { startPrometheus } from './servers.ts'
import type { Stage } from './stage.ts'

interface DemoOptions {
  /** Duration of each act, in milliseconds. */
  readonly paceMs: number
  /** Whether to end after one round. */
  readonly once: boolean
  /** Starts a Prometheus beside it, where there is one. */
  readonly prometheus: boolean
  /** Where to listen. Default: port 9797 of loopback if it is free, else any. */
  readonly listen: ServiceOptions['listen']
  readonly logger: ServiceOptions['logger']
}

/** Time for requests in progress to finish at the end, in milliseconds. */
const closingMs = 500

/**
 * Plays until the stage ends.
 *
 * @throws ListenError if the address cannot be bound; AbortError when the stage ends.
 */
export async function play(stage: Stage, options: DemoOptions): Promise<void> {
  const { paceMs, once, prometheus } = options
  process.stdout.write('Starting PostgreSQL, Redis and an HTTP service ...\n')
  const intervalMs = Math.round(Math.min(1_000, Math.max(500, paceMs / 10)))
  const actors = await gatherActors(stage, 2 * intervalMs)
  stage.over.throwIfAborted()
  const service = await openService(stage, writeConfig(actors, intervalMs), options)
  const alerts = prometheus ? await startPrometheus(stage, service.urls[0] ?? '') : undefined
  process.stdout.write(introduce(actors, service, alerts))
  printChanges(service.monitor)
  const scene = { actors, monitor: service.monitor, paceMs, over: stage.over }
  await playOpening(scene)
  do await playRound(scene)
  while (!once)
}

/** The config is a file, as usual: JSON is YAML. */
async function openService(stage: Stage, config: object, { listen, logger }: DemoOptions): Promise<Service> {
  const configFile = join(stage.folder, 'pulsecheck.yml')
  writeFileSync(configFile, JSON.stringify(config, null, 2), { mode: 0o600 })
  const open = (listen: ServiceOptions['listen'] & {}) =>
    startService({ configFile, env: {}, kinds, logger, listen })
  const loopback = (port: number) => [{ host: '127.0.0.1', port }]
  const openUsual = () =>
    open(loopback(9797)).catch(error => {
      if (error instanceof ListenError) return open(loopback(0))
      throw error
    })
  const service = listen === undefined ? await openUsual() : await open(listen)
  stage.defer(() => Promise.race([service.stop(), sleep(closingMs)]))
  return service
}

/** An act waits at most this long, in milliseconds, until the state shows its effect. */
const patienceMs = 15_000
/** Time between two looks at the state, in milliseconds. */
const lookMs = 50

interface Scene {
  readonly actors: readonly Actor[]
  readonly monitor: Monitor
  /** Duration of each act once the state shows its effect, in milliseconds. */
  readonly paceMs: number
  readonly over: AbortSignal
}

/** Plays the first act, in which nothing is broken. @throws AbortError at the end of the demo. */
async function playOpening(scene: Scene): Promise<void> {
  const absent = scene.actors.filter(({ remedy }) => remedy !== undefined).map(({ name }) => name)
  printLine(absent.length === 0 ? 'all is well' : `all is well except ${absent.join(' and ')}`)
  await stay(scene)
}

/** Plays each trouble in turn, and then the opening again. @throws AbortError at the end of the demo. */
async function playRound(scene: Scene): Promise<void> {
  for (const actor of scene.actors) {
    const { trouble } = actor
    if (trouble === undefined) continue
    trouble.begin()
    printLine(trouble.act)
    await stay(scene, actor)
    trouble.end()
  }
  await playOpening(scene)
}

/** Prints a line for each change of the state until the process exits. */
function printChanges(monitor: Monitor): void {
  monitor.state.subscribe({
    changed({ dependency, status, last }, previous) {
      if (previous === undefined || previous.status === status) return
      const why = status === 'down' && last?.ok === false ? ` (${describeCause(last)})` : ''
      const { status: verdict } = monitor.probes.readiness()
      const code = verdict === 'unavailable' ? 503 : 200
      printLine(`  ${dependency.name} is ${status}${why}; /readyz ${code} ${verdict}`)
    },
  })
}

/** Prints one line with the time of day. */
function printLine(text: string): void {
  process.stdout.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`)
}

/** Waits until exactly the troubled and absent dependencies are down, or the patience ends; then for the pace. */
async function stay({ actors, monitor, paceMs, over }: Scene, troubled?: Actor): Promise<void> {
  const down = new Set(actors.filter(actor => actor === troubled || actor.remedy).map(({ name }) => name))
  const isShown = () => {
    const { states, now } = monitor.state.snapshot()
    return states.every(state => statusAt(state, now) === (down.has(state.dependency.name) ? 'down' : 'up'))
  }
  const limit = performance.now() + patienceMs
  while (!isShown() && performance.now() < limit) await sleep(lookMs, undefined, { signal: over })
  await sleep(paceMs, undefined, { signal: over })
}
