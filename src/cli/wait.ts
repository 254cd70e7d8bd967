/** `pulsecheck wait`: waits until the critical dependencies are up. */
import type { DependencyDefinition } from '../model/dependency.ts'
import { formatDuration } from '../model/notation.ts'
import { createMonitor } from '../monitor.ts'
import type { DependencyState } from '../state/transition.ts'
import { describeCause } from '../views/status.ts'
import { readConfig, select } from './config.ts'
import { endOnSignal, exitCodes, print } from './ending.ts'
import type { GlobalFlags } from './flags.ts'

/** The longest interval while somebody waits, in milliseconds. */
const retryMs = 1_000

/**
 * Ends the process: with 0 once all are up, or with 1 at the timeout. Writes a line for each change to standard error.
 *
 * @param names the dependencies to wait for, critical or not; undefined means all critical ones. Others are not checked.
 * @throws Exit 2 for an unknown name, 3 for an invalid config.
 */
export async function wait(
  timeoutMs: number,
  names: readonly string[] | undefined,
  flags: GlobalFlags,
): Promise<void> {
  const { dependencies, maxConcurrentChecks } = await readConfig(flags)
  const named = names?.flatMap(name => name.split(','))
  const wanted = named === undefined ? dependencies.filter(isCritical) : select(dependencies, named)
  const monitor = createMonitor({ dependencies: wanted.map(impatient), maxConcurrentChecks })
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, timeoutMs)
  endOnSignal(async () => {
    clearTimeout(timer)
    await monitor.stop()
  })
  const startedAt = performance.now()
  const printed = new Map<string, string>()
  monitor.state.subscribe({
    changed(state) {
      printChange(state, printed)
      if (monitor.ready()) resolve()
    },
  })
  if (monitor.ready()) resolve()
  monitor.start()
  await ended
  clearTimeout(timer)
  const isReady = monitor.ready()
  const { states } = monitor.state.snapshot()
  await print(
    process.stderr,
    isReady ? upAfter(states, performance.now() - startedAt) : missing(states, timeoutMs),
  )
  await monitor.stop()
  process.exit(isReady ? exitCodes.ok : exitCodes.failed)
}

function isCritical({ dependency }: DependencyDefinition): boolean {
  return dependency.critical
}

/** Marked as critical, so that the monitor is ready exactly when all of these are up. */
function impatient(definition: DependencyDefinition): DependencyDefinition {
  const { dependency } = definition
  const intervalMs = Math.min(dependency.intervalMs, retryMs)
  return { ...definition, dependency: { ...dependency, critical: true, intervalMs } }
}

/** Prints a line unless status and cause of failure are those of the last line about this dependency. */
function printChange(state: DependencyState, printed: Map<string, string>): void {
  const { name } = state.dependency
  const what = `${state.status} ${describeLast(state, describeCause)}`
  if (state.last === undefined || printed.get(name) === what) return
  printed.set(name, what)
  process.stderr.write(
    state.status === 'up' ? `${name} is up\n` : `${name} is ${state.status}: ${describeLast(state)}\n`,
  )
}

type Failure = Extract<DependencyState['last'], { ok: false }>

function describeLast(
  { last }: DependencyState,
  spell: (failure: Failure) => string = describeFailure,
): string {
  if (last === undefined) return 'no check has completed'
  return last.ok ? '' : spell(last)
}

function describeFailure(failure: Failure): string {
  return `${describeCause(failure)}: ${failure.message}`
}

function upAfter(states: readonly DependencyState[], ms: number): string {
  return states.length === 0
    ? 'nothing to wait for: no dependency is critical\n'
    : `all ${states.length} up after ${(ms / 1_000).toFixed(1)} s\n`
}

function missing(states: readonly DependencyState[], timeoutMs: number): string {
  const lines = states
    .filter(({ status }) => status !== 'up')
    .map(
      state =>
        `  ${state.dependency.name} (${state.dependency.kind} ${state.dependency.target}): ${describeLast(state)}\n`,
    )
  return `not up after ${formatDuration(timeoutMs)}: ${lines.length} of ${states.length}\n${lines.join('')}`
}
