/** One check of a kind in this process, and what it costs: for benches beside a bare driver. */

import { parseDependency } from '../../src/model/definition.ts'
import type { Kind } from '../../src/model/kind.ts'
import { createAsker } from '../../src/schedule/ask.ts'
import { createStalls, createSystemClock } from '../../src/schedule/clock.ts'
import { createResolver } from '../../src/schedule/resolve.ts'

/** A check as the schedule runs it, deadline, abort and classification included. Rejects when it fails. */
export function checkOf(kind: Kind, options: Readonly<Record<string, unknown>>): () => Promise<void> {
  const clock = createSystemClock()
  const definition = parseDependency('checked', kind, options)
  const asker = createAsker(definition, {
    clock,
    stalls: createStalls(clock),
    resolve: createResolver().resolve,
  })
  return async () => {
    const { outcome, settled } = asker.ask()
    const result = await outcome
    await settled
    if (!('ok' in result && result.ok)) throw new Error(JSON.stringify(result))
  }
}

/** Milliseconds of CPU of this process, all its threads, per 1,000 runs that follow each other. */
export async function cpuMsPer1000(times: number, run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < times; i++) await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}
