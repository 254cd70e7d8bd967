/**
 * bcrypt off the event loop: one thread, started when it is first needed, that does one comparison after the other.
 * So passwords never cost more than one core, and never delay a probe.
 */
import { Worker } from 'node:worker_threads'

export interface Comparison {
  readonly id: number
  readonly password: string
  readonly hashes: readonly string[]
}

/** What the thread answers: one verdict for each hash. */
export interface Compared {
  readonly id: number
  readonly matches: readonly boolean[]
}

export interface Bcrypt {
  /** Compares with all of the hashes, in one go. Rejects if the thread fails, or is closed meanwhile. */
  matches(password: string, hashes: readonly string[]): Promise<readonly boolean[]>
  /** Ends the thread; a later comparison starts another. */
  close(): Promise<void>
}

/** The file of the thread stands beside this one, as source or as built. */
const file = import.meta.url.endsWith('.ts') ? './bcrypt-worker.ts' : './bcrypt-worker.js'

export function createBcrypt(): Bcrypt {
  const waiting = new Map<number, PromiseWithResolvers<readonly boolean[]>>()
  let worker: Worker | undefined
  let lastId = 0

  function start(): Worker {
    const started = new Worker(new URL(file, import.meta.url), { execArgv: [], env: {}, name: 'bcrypt' })
    const failed = (error: unknown) => {
      if (worker !== started) return
      worker = undefined
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    }
    started.on('message', ({ id, matches }: Compared) => {
      waiting.get(id)?.resolve(matches)
      waiting.delete(id)
    })
    started.on('error', failed)
    started.on('exit', () => failed(new Error('the bcrypt thread has ended')))
    started.unref()
    return started
  }

  return {
    matches(password, hashes) {
      worker ??= start()
      const id = ++lastId
      const comparison = Promise.withResolvers<readonly boolean[]>()
      waiting.set(id, comparison)
      worker.postMessage({ id, password, hashes } satisfies Comparison)
      return comparison.promise
    },
    async close() {
      await worker?.terminate()
    },
  }
}
