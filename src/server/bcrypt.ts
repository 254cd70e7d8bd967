/**
 * bcrypt off the event loop: one thread, started when it is first needed, that does one comparison after the other.
 * So passwords never cost more than one core, and never delay a probe.
 */
import { Worker } from 'node:worker_threads'

export interface Comparison {
  readonly id: number
  readonly password: string
  readonly hash: string
}

export interface Bcrypt {
  /** Rejects if the thread fails, or is closed meanwhile. */
  matches(password: string, hash: string): Promise<boolean>
  /** Ends the thread; a later comparison starts another. */
  close(): Promise<void>
}

/** The file of the thread stands beside this one, as source or as built. */
const file = import.meta.url.endsWith('.ts') ? './bcrypt-worker.ts' : './bcrypt-worker.js'

export function createBcrypt(): Bcrypt {
  const waiting = new Map<number, PromiseWithResolvers<boolean>>()
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
    started.on('message', ({ id, matches }: { id: number; matches: boolean }) => {
      waiting.get(id)?.resolve(matches)
      waiting.delete(id)
    })
    started.on('error', failed)
    started.on('exit', () => failed(new Error('the bcrypt thread has ended')))
    started.unref()
    return started
  }

  return {
    matches(password, hash) {
      worker ??= start()
      const id = ++lastId
      const comparison = Promise.withResolvers<boolean>()
      waiting.set(id, comparison)
      worker.postMessage({ id, password, hash } satisfies Comparison)
      return comparison.promise
    },
    async close() {
      await worker?.terminate()
    },
  }
}
