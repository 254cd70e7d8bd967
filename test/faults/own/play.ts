/** Rows about Pulsecheck itself: the real program, from outside, in trouble of its own. */
import { AssertionError } from 'node:assert'
import type { DependencyReport } from '../../../src/views/status.ts'
import { type ByteServer, serve, until } from '../../support/net.ts'
import { type Program, type ProgramOptions, startProgram } from '../../support/program.ts'
import type { Unplayed } from '../scene.ts'

export interface OwnPlay {
  /** The catalogue's number: `O10`. */
  readonly id: string
  readonly fault: string
  /** What must happen. */
  readonly promise: string
  /** Plays it; returns what was seen, or throws if the promise was broken. */
  play(): Promise<string>
}

/** A part of the catalogue. */
export interface OwnPart {
  readonly title: string
  /** What readers must know beside the rows. */
  readonly note?: string
  readonly plays: readonly OwnPlay[]
  readonly unplayed?: readonly Unplayed[]
}

export interface OwnPlayed extends Omit<OwnPlay, 'play'> {
  readonly seen: string
  readonly problems: readonly string[]
}

/** Never rejects: what went wrong is a problem of the row. */
export async function playOwn({ id, fault, promise, play }: OwnPlay): Promise<OwnPlayed> {
  const outcome = await play().then(
    seen => ({ seen, problems: [] }),
    error => ({ seen: '', problems: [describeError(error)] }),
  )
  return { id, fault, promise, ...outcome }
}

function describeError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const differing = error instanceof AssertionError ? ` (saw ${JSON.stringify(error.actual)})` : ''
  return `${text}${differing}`.slice(0, 300)
}

/** The keys of a play's dependencies, unless it says otherwise. */
export const defaults = { interval: '500ms', timeout: '300ms', failureThreshold: 1 }

/** A program that watches twenty healthy dependencies, for as long as something is done to it. */
export async function watchHealthy<T>(
  options: ProgramOptions,
  act: (program: Program, target: ByteServer) => Promise<T>,
): Promise<T> {
  const target = await serve(socket => socket.write('hello\n'))
  try {
    const program = await startProgram({ config: configOf(target, 20), ...options })
    try {
      await until(async () => (await program.get('/readyz')).status === 200, 'everything is up', 30_000)
      return await act(program, target)
    } finally {
      await program.remove()
    }
  } finally {
    await target.close()
  }
}

/** So many dependencies on one target, each of which must hear a greeting. */
export function configOf({ port }: Pick<ByteServer, 'port'>, count: number, settings: object = defaults) {
  const dependency = { kind: 'tcp', host: '127.0.0.1', port, expect: { contains: 'hello' } }
  const dependencies = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`target-${i}`, dependency]),
  )
  return { defaults: settings, dependencies }
}

export interface Totals {
  readonly checks: number
  readonly failures: number
  readonly skipped: number
  /** Changes of a settled status. */
  readonly flips: number
}

/** Sums over all dependencies. */
export async function readTotals(program: Pick<Program, 'health'>): Promise<Totals> {
  const all = Object.values((await program.health()).dependencies)
  const sum = (key: keyof DependencyReport) => all.reduce((total, each) => total + Number(each[key]), 0)
  return {
    checks: sum('checks'),
    failures: sum('failures'),
    skipped: sum('skipped'),
    flips: sum('transitions'),
  }
}

export function formatTotals({ checks, failures, skipped, flips }: Totals): string {
  return `${checks} checks, ${failures} failed, ${skipped} skipped, ${flips} changes of status`
}
