/** Work that is done one piece at a time, in turns between the clients that want it. */
import { clientOf } from '../http/connections.ts'

export interface Turns<Result> {
  /**
   * Queues a piece of work for a client, or joins the same piece if it waits already.
   *
   * @param address the client's IP address.
   * @param key what makes two pieces of work of one client the same.
   * @returns undefined if the client's queue is full, or too many clients are waiting.
   */
  take(address: string, key: string, work: () => Promise<Result>): Promise<Result> | undefined
}

/** Pieces of one client that may wait: at some 70 ms a comparison, alone it is served within about a second. */
const maxWaiting = 16

/** Clients that may wait: the last one has its first turn within some ten seconds, which is a usual scrape timeout. */
const maxClients = 128

interface Piece<Result> {
  readonly work: () => Promise<Result>
  readonly outcome: PromiseWithResolvers<Result>
}

export function createTurns<Result>(): Turns<Result> {
  // Clients in the order of their turns, each with its pieces in theirs. The piece being done stands until it is done.
  const clients = new Map<string, Map<string, Piece<Result>>>()
  let isRunning = false

  async function run(): Promise<void> {
    isRunning = true
    for (let next = first(clients); next !== undefined; next = first(clients)) {
      const [client, pieces] = next
      const [key, { work, outcome }] = first(pieces) as [string, Piece<Result>]
      await work().then(outcome.resolve, outcome.reject)
      pieces.delete(key)
      // The next turn is another client's.
      clients.delete(client)
      if (pieces.size > 0) clients.set(client, pieces)
    }
    isRunning = false
  }

  return {
    take(address, key, work) {
      const client = clientOf(address)
      const pieces = clients.get(client) ?? new Map<string, Piece<Result>>()
      const same = pieces.get(key)
      if (same !== undefined) return same.outcome.promise
      if (pieces.size >= maxWaiting || (pieces.size === 0 && clients.size >= maxClients)) return undefined
      const outcome = Promise.withResolvers<Result>()
      clients.set(client, pieces.set(key, { work, outcome }))
      if (!isRunning) void run()
      return outcome.promise
    },
  }
}

function first<Key, Value>(map: ReadonlyMap<Key, Value>): [Key, Value] | undefined {
  return map.entries().next().value
}
