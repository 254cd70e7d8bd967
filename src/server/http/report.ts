/** Large bodies, built in slices so that probes are answered in between, and shared by requests that come together. */
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { constants, createGzip } from 'node:zlib'
import type { FastifyReply } from 'fastify'
import { isPlain } from '../../model/secret.ts'
import { createBreather, forEachInSlices, share } from '../../model/turns.ts'

/** A report is sent again for at least this many milliseconds. */
const minKeepMs = 100
/** And for at most this many, or while somebody still holds it: slow readers then hold few different reports. */
const maxKeepMs = 1_000
/** Between the two, it is kept this many times as long as it took to build: a client in a loop cannot keep the process busy. */
const restFactor = 9

interface Shared<T> {
  readonly value: T
  /** Called when the holder no longer needs the value. Idempotent. */
  readonly release: () => void
}

/**
 * Returns a function that gives the latest value, and renders a new one when that is too old.
 *
 * @param now in monotonic milliseconds. Default: the system's.
 */
export function createShared<T>(
  render: () => Promise<T>,
  now: () => number = () => performance.now(),
): () => Promise<Shared<T>> {
  const renew = share(async () => {
    const startedAt = now()
    const value = await render()
    const at = now()
    const keepMs = Math.min(maxKeepMs, Math.max(minKeepMs, restFactor * (at - startedAt)))
    return { value, at, keepMs, holders: 0 }
  })
  let kept: Awaited<ReturnType<typeof renew>> | undefined
  return async () => {
    const age = now() - (kept?.at ?? Number.NEGATIVE_INFINITY)
    const issue =
      kept !== undefined && age <= (kept.holders > 0 ? maxKeepMs : kept.keepMs) ? kept : await renew()
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

/** Holds what is shared until the reply has been sent. */
export async function borrow<T>(shared: () => Promise<Shared<T>>, reply: FastifyReply): Promise<T> {
  const { value, release } = await shared()
  reply.raw.once('close', release)
  if (reply.raw.destroyed) release()
  return value
}

/**
 * Returns the JSON of a report as UTF-8, and yields to the event loop while it builds it.
 *
 * @param large the last key of the report, which holds most of it: the entries of an object.
 */
export async function jsonInSlices<Key extends string>(
  report: Readonly<Record<Key, Iterable<readonly [string, unknown]>>>,
  large: Key,
): Promise<Buffer> {
  const breathe = createBreather()
  const frame = JSON.stringify({ ...report, [large]: {} }).slice(0, -2)
  const pieces = [Buffer.from(frame)]
  let separator = ''
  for (const [key, value] of report[large]) {
    pieces.push(Buffer.from(`${separator}${JSON.stringify(key)}:${JSON.stringify(value)}`))
    separator = ','
    await breathe()
  }
  pieces.push(Buffer.from('}}'))
  return Buffer.concat(pieces)
}

/** Returns what `JSON.stringify(value, null, 2)` does as UTF-8, and yields to the event loop while it builds it. */
export async function prettyJsonInSlices(value: unknown): Promise<Buffer> {
  const pieces: Buffer[] = []
  await forEachInSlices(prettyPieces(value, 2, '\n'), piece => pieces.push(Buffer.from(piece)))
  return Buffer.concat(pieces)
}

/** @param depth how many levels of objects are taken apart. */
function* prettyPieces(value: unknown, depth: number, newline: string): Generator<string> {
  const entries = isPlain(value) && !('toJSON' in value) && depth > 0 ? Object.entries(value) : []
  const known = entries.filter(([, each]) => each !== undefined)
  if (known.length === 0) return yield JSON.stringify(value ?? null, null, 2).replaceAll('\n', newline)
  let separator = '{'
  for (const [key, each] of known) {
    yield `${separator}${newline}  ${JSON.stringify(key)}: `
    yield* prettyPieces(each, depth - 1, `${newline}  `)
    separator = ','
  }
  yield `${newline}}`
}

/**
 * Joins a text that is generated piece by piece: one piece per turn of the event loop, compressed on the thread pool.
 *
 * @param isWanted is asked after each piece.
 * @returns undefined once it is no longer wanted.
 */
export async function gather(
  pieces: Iterable<string>,
  isCompressed: boolean,
  isWanted: () => boolean,
): Promise<Buffer | undefined> {
  return isCompressed ? gatherCompressed(pieces, isWanted) : gatherPlain(pieces, isWanted)
}

async function gatherPlain(pieces: Iterable<string>, isWanted: () => boolean): Promise<Buffer | undefined> {
  const gathered: Buffer[] = []
  for (const piece of pieces) {
    gathered.push(Buffer.from(piece))
    await turn()
    if (!isWanted()) return undefined
  }
  return Buffer.concat(gathered)
}

async function gatherCompressed(
  pieces: Iterable<string>,
  isWanted: () => boolean,
): Promise<Buffer | undefined> {
  const gzip = createGzip({ level: constants.Z_BEST_SPEED })
  const gathered = buffer(gzip)
  for (const piece of pieces) {
    if (!gzip.write(piece)) await once(gzip, 'drain')
    await turn()
    if (isWanted()) continue
    gathered.catch(() => {})
    gzip.destroy()
    return undefined
  }
  gzip.end()
  return gathered
}
