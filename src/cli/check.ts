/**
 * `pulsecheck check`: checks every dependency once, without a schedule, and prints the results. The check, the state
 * and the report are those of the service.
 */

import { setTimeout } from 'node:timers/promises'
import { styleText } from 'node:util'
import type { DependencyDefinition } from '../model/dependency.ts'
import { askOnce } from '../schedule/ask.ts'
import { createStalls, createSystemClock } from '../schedule/clock.ts'
import { createResolver } from '../schedule/resolve.ts'
import type { Run } from '../schedule/run.ts'
import { type Claim, createSlots } from '../schedule/slots.ts'
import { createStore } from '../state/store.ts'
import { createProbes } from '../views/probes.ts'
import {
  type CheckReport,
  type DependencyReport,
  describeCause,
  type StatusReport,
  statusReport,
} from '../views/status.ts'
import { readConfig, select } from './config.ts'
import { createProgressLine, endOnSignal, exitCodes, print } from './ending.ts'
import type { GlobalFlags } from './flags.ts'

/**
 * Prints a table, or as JSON the same document as `/health` (`StatusReport`), and ends the process: with 1 if a critical
 * dependency is not up, else 0.
 *
 * @param names the dependencies to check; none means all.
 * @throws Exit 2 for an unknown name, 3 for an invalid config.
 */
export async function check(
  names: readonly string[],
  output: 'table' | 'json',
  flags: GlobalFlags,
): Promise<void> {
  const { dependencies, maxConcurrentChecks } = await readConfig(flags)
  const wanted = names.length === 0 ? dependencies : select(dependencies, names)
  const waiting = new Set(wanted.map(({ dependency }) => dependency.name))
  const progress = createProgressLine(process.stderr)
  const show = () => {
    const names = [...waiting].slice(0, 10).join(', ')
    progress.show(`${wanted.length - waiting.size} of ${wanted.length} checked, waiting for ${names}`)
  }
  const checked = (name: string) => {
    waiting.delete(name)
    if (waiting.size > 0) show()
  }
  if (waiting.size > 0) show()
  const once = checkOnce(wanted, { maxConcurrentChecks, checked })
  endOnSignal(async () => {
    progress.clear()
    await once.close()
  })
  const report = await once.report
  progress.clear()
  await print(
    process.stdout,
    output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : statusTable(report),
  )
  await once.close()
  // A checker that ignores its abort does not delay the exit.
  process.exit(report.status === 'unavailable' ? exitCodes.failed : exitCodes.ok)
}

const colours = { up: 'green', down: 'red', unknown: 'yellow' } as const
const header = ['NAME', 'KIND', 'TARGET', 'CRITICAL', 'STATUS', 'DURATION', 'REASON', 'MESSAGE']
/** The last line names at most this many dependencies. */
const maxNamed = 10
const statusColumn = header.indexOf('STATUS')

/** One line per dependency, in the order of the report, and a summary. */
function statusTable({ dependencies }: StatusReport): string {
  const reports = Object.entries(dependencies)
  const rows = reports.map(([name, report]) => cells(name, report))
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]?.length ?? 0)))
  const line = (row: readonly string[], status?: DependencyReport['status']) =>
    row
      .map((cell, i) => {
        const padded = i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)
        return status !== undefined && i === statusColumn
          ? styleText(colours[status], padded, { stream: process.stdout })
          : padded
      })
      .join('  ')
      .trimEnd()
  const lines = reports.map(([, { status }], i) => line(rows[i] ?? [], status))
  return `${[line(header), ...lines, '', summary(reports)].join('\n')}\n`
}

function cells(
  name: string,
  { kind, target, critical, status, lastCheck }: DependencyReport,
): readonly string[] {
  const { message = '' } = lastCheck ?? {}
  return [
    name,
    kind,
    target,
    critical ? 'yes' : 'no',
    status,
    lastCheck === null ? '' : duration(lastCheck),
    lastCheck === null ? 'not checked' : describeCause(lastCheck),
    message ?? '',
  ]
}

/** `12.3 ms (connect 0.4, auth 9.1, request 1.2)` */
function duration({ durationSeconds, phasesSeconds }: CheckReport): string {
  const phases = Object.entries(phasesSeconds).map(([phase, seconds]) => `${phase} ${milliseconds(seconds)}`)
  return `${milliseconds(durationSeconds)} ms${phases.length === 0 ? '' : ` (${phases.join(', ')})`}`
}

function milliseconds(seconds: number): string {
  return (seconds * 1_000).toFixed(1)
}

function summary(reports: readonly (readonly [string, DependencyReport])[]): string {
  const missing = reports.filter(([, { status }]) => status !== 'up')
  const up = `${reports.length - missing.length} of ${reports.length} up`
  const named = missing
    .slice(0, maxNamed)
    .map(([name, { critical }]) => (critical ? `${name} (critical)` : name))
  const more = missing.length > maxNamed ? [`${missing.length - maxNamed} more`] : []
  return missing.length === 0 ? up : `${up}; not up: ${[...named, ...more].join(', ')}`
}

interface OnceOptions {
  readonly maxConcurrentChecks: number
  /** Called after each check with the name of its dependency. */
  readonly checked: (name: string) => void
}

interface Once {
  /** The results. Never rejects, and stays pending if `close` is called first. */
  readonly report: Promise<StatusReport>
  /**
   * Aborts the checks in progress, and gives the checkers a moment to clean up: to close connections, and to cancel what
   * still runs on a server, such as a query.
   */
  close(): Promise<void>
}

/** Time for checkers to clean up, in milliseconds. A hung one delays the exit no longer than this. */
const graceMs = 500

/** Starts all checks at once, within the concurrency limit. */
function checkOnce(definitions: readonly DependencyDefinition[], options: OnceOptions): Once {
  const clock = createSystemClock()
  const resolver = createResolver()
  const slots = createSlots(options.maxConcurrentChecks, clock)
  const stalls = createStalls(clock)
  const store = createStore(clock)
  const probes = createProbes(store, stalls.total)
  const { promise: report, resolve: tell } = Promise.withResolvers<StatusReport>()
  const checks: Run[] = []
  let closing: Promise<unknown> | undefined

  const settle = async (definition: DependencyDefinition) => {
    const { name } = definition.dependency
    const check = askOnce(definition, { clock, stalls, resolve: resolver.resolve })
    checks.push(check)
    store.record(name, await check.outcome)
    options.checked(name)
  }
  const queued = (definition: DependencyDefinition) =>
    new Promise<void>(done => {
      const claim: Claim = {
        hangs: false,
        gaveWay: 0,
        usualMs: 0,
        start: () => {
          settle(definition).then(() => {
            if (closing === undefined) slots.release(claim)
            done()
          })
        },
      }
      slots.take(claim)
    })
  const all = async () => {
    for (const { dependency } of definitions) store.put(dependency)
    stalls.start()
    await Promise.all(definitions.map(queued))
    stalls.stop()
    if (closing === undefined) tell(statusReport(store.snapshot(), probes.readiness()))
  }
  all()
  return {
    report,
    async close() {
      for (const check of checks) check.abort()
      closing ??= Promise.race([Promise.allSettled(checks.map(check => check.settled)), setTimeout(graceMs)])
      await closing
      resolver.close()
    },
  }
}
