/**
 * Comparing passwords with bcrypt hashes, off the event loop: a single thread makes one comparison after the other, and
 * clients take turns. Passwords never cost more than one core, and never delay a probe.
 */
import { Worker } from 'node:worker_threads'
import { clientOf } from '../http/connections.ts'

export interface Comparison {
  readonly id: number
  readonly password: string
  readonly hashes: readonly string[]
}

/** The thread's answer: whether each of the hashes matches. */
export interface Compared {
  readonly id: number
  readonly matches: readonly boolean[]
}

export interface Bcrypt {
  /** Compares a password with all of the hashes. Rejects if the thread fails, or is closed meanwhile. */
  matches(password: string, hashes: readonly string[]): Promise<readonly boolean[]>
  /** Ends the thread; a later comparison starts another. */
  close(): Promise<void>
}

/** The file of the thread is next to this one, both in the source and in the build. */
const file = import.meta.url.endsWith('.ts') ? './bcrypt-worker.ts' : './bcrypt-worker.js'

/** The thread starts with the first comparison. */
export function createBcrypt(): Bcrypt {
  const waiting = new Map<number, PromiseWithResolvers<readonly boolean[]>>()
  let worker: Worker | undefined
  let lastId = 0

  function start(): Worker {
    const started = new Worker(new URL(file, import.meta.url), { execArgv: [], env: {}, name: 'bcrypt' })
    const fail = (error: unknown) => {
      if (worker !== started) return
      worker = undefined
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    }
    started.on('message', ({ id, matches }: Compared) => {
      waiting.get(id)?.resolve(matches)
      waiting.delete(id)
    })
    started.on('error', fail)
    started.on('exit', () => fail(new Error('the bcrypt thread has ended')))
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

/** Jobs that run one at a time, with the clients that want them taking turns. */
interface Turns<Result> {
  /**
   * Queues a job of a client, or joins the job of the same key if that is already queued.
   *
   * @param address the client's IP address.
   * @param key identifies the job among those of its client.
   * @returns undefined if the client's queue is full, or too many clients are waiting.
   */
  take(address: string, key: string, work: () => Promise<Result>): Promise<Result> | undefined
}

/** Jobs of one client that may wait. At about 70 ms for a comparison, they take about a second if it is alone. */
const maxWaiting = 16

/** Clients that may wait. The last one has its first turn within about ten seconds, a common scrape timeout. */
const maxClients = 128

interface Job<Result> {
  readonly work: () => Promise<Result>
  readonly outcome: PromiseWithResolvers<Result>
}

export function createTurns<Result>(): Turns<Result> {
  // Clients in the order of their turns, each with its jobs in order. A running job stays until it has ended.
  const clients = new Map<string, Map<string, Job<Result>>>()
  let isRunning = false

  async function run(): Promise<void> {
    isRunning = true
    for (let next = first(clients); next !== undefined; next = first(clients)) {
      const [client, jobs] = next
      const [key, { work, outcome }] = first(jobs) as [string, Job<Result>]
      await work().then(outcome.resolve, outcome.reject)
      jobs.delete(key)
      // The client goes to the end of the queue.
      clients.delete(client)
      if (jobs.size > 0) clients.set(client, jobs)
    }
    isRunning = false
  }

  return {
    take(address, key, work) {
      const client = clientOf(address)
      const jobs = clients.get(client) ?? new Map<string, Job<Result>>()
      const same = jobs.get(key)
      if (same !== undefined) return same.outcome.promise
      if (jobs.size >= maxWaiting || (jobs.size === 0 && clients.size >= maxClients)) return undefined
      const outcome = Promise.withResolvers<Result>()
      clients.set(client, jobs.set(key, { work, outcome }))
      if (!isRunning) void run()
      return outcome.promise
    },
  }
}

function first<Key, Value>(map: ReadonlyMap<Key, Value>): [Key, Value] | undefined {
  return map.entries().next().value
}
