/** Reports that are rendered when they are asked for, in slices, and shared by all who ask at about the same time. */
import { share } from '../../model/sequence.ts'
import { createBreather } from '../../model/turn.ts'

/** Milliseconds for which a report is sent again, at least. */
const keepMs = 100
/** The same, at most, and while somebody still holds it: clients that read slowly hold few different ones. */
const heldMs = 1_000
/** A report is kept so much longer than it took: whoever asks in a loop does not keep the process rendering. */
const restFactor = 9

export interface Shared<T> {
  readonly value: T
  /** To be called when its holder is done with it. May be called again. */
  readonly release: () => void
}

/** Calls `render` when what it made last is too old. */
export function createShared<T>(render: () => Promise<T>): () => Promise<Shared<T>> {
  const renew = share(async () => {
    const startedAt = performance.now()
    const value = await render()
    const at = performance.now()
    return {
      value,
      at,
      restMs: Math.min(heldMs, Math.max(keepMs, restFactor * (at - startedAt))),
      holders: 0,
    }
  })
  let kept: Awaited<ReturnType<typeof renew>> | undefined
  return async () => {
    const age = performance.now() - (kept?.at ?? Number.NEGATIVE_INFINITY)
    const issue =
      kept !== undefined && age <= (kept.holders > 0 ? heldMs : kept.restMs) ? kept : await renew()
    kept = issue
    issue.holders++
    let isHeld = true
    const release = () => {
      if (isHeld) issue.holders--
      isHeld = false
    }
    return { value: issue.value, release }
  }
}

/**
 * What `JSON.stringify(report)` gives, as UTF-8, with turns of the event loop in between.
 *
 * @param large the last key of the report: what holds most of it.
 */
export async function jsonInSlices<Key extends string>(
  report: Readonly<Record<Key, object>>,
  large: Key,
): Promise<Buffer> {
  const breathe = createBreather()
  const frame = JSON.stringify({ ...report, [large]: {} }).slice(0, -2)
  const pieces = [Buffer.from(frame)]
  let separator = ''
  for (const [key, value] of Object.entries(report[large])) {
    pieces.push(Buffer.from(`${separator}${JSON.stringify(key)}:${JSON.stringify(value)}`))
    separator = ','
    await breathe()
  }
  pieces.push(Buffer.from('}}'))
  return Buffer.concat(pieces)
}
