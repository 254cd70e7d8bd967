/** Expensive work, such as rendering a large page: a few jobs at a time, with clients taking turns. */

export interface WorkLimits {
  readonly atOnce: number
  /** Jobs that may wait. Above it, the latest is refused of the client that has the most waiting. */
  readonly waiting: number
  readonly waitMs: number
}

interface Work {
  /**
   * Runs a job when it is its client's turn. The job keeps its place until it settles, even if nobody waits for it any
   * more, so a long job checks `isWanted` now and then and ends early.
   *
   * @returns the job's result, or undefined if there was no room, or it is no longer wanted.
   */
  run<T>(client: string, isWanted: () => boolean, job: () => Promise<T>): Promise<T | undefined>
}

interface Waiter {
  readonly isWanted: () => boolean
  readonly decide: (mayRun: boolean) => void
}

export function createWork({ atOnce, waiting, waitMs }: WorkLimits): Work {
  // In the order of the clients' turns.
  const queues = new Map<string, Waiter[]>()
  let running = 0

  function takeNext(): Waiter | undefined {
    for (const [client, queue] of queues) {
      const waiter = queue.shift()
      queues.delete(client)
      if (queue.length > 0) queues.set(client, queue)
      if (waiter !== undefined) return waiter
    }
    return undefined
  }

  function fill(): void {
    while (running < atOnce) {
      const waiter = takeNext()
      if (waiter === undefined) return
      if (waiter.isWanted()) running++
      waiter.decide(waiter.isWanted())
    }
  }

  function shed(): void {
    for (const [client, queue] of queues) {
      const wanted = queue.filter(({ isWanted, decide }) => isWanted() || decide(false))
      if (wanted.length === 0) queues.delete(client)
      else queues.set(client, wanted)
    }
    const lengths = [...queues.values()]
    if (lengths.reduce((sum, { length }) => sum + length, 0) <= waiting) return
    const longest = lengths.reduce((most, queue) => (queue.length > most.length ? queue : most))
    longest.pop()?.decide(false)
  }

  function waitTurn(client: string, isWanted: () => boolean): Promise<boolean> {
    return new Promise(resolve => {
      const queue = queues.get(client) ?? []
      queues.set(client, queue)
      const timer = setTimeout(() => {
        const place = queues.get(client)?.indexOf(waiter) ?? -1
        if (place !== -1) queues.get(client)?.splice(place, 1)
        resolve(false)
      }, waitMs).unref()
      const waiter = {
        isWanted,
        decide(mayRun: boolean) {
          clearTimeout(timer)
          resolve(mayRun)
        },
      }
      queue.push(waiter)
      fill()
      shed()
    })
  }

  return {
    async run(client, isWanted, job) {
      if (!(await waitTurn(client, isWanted))) return undefined
      try {
        return await job()
      } finally {
        running--
        fill()
      }
    },
  }
}
