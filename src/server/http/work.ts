/** Work that is worth bounding, such as rendering a large page: a few at once, and clients take turns. */

export interface WorkLimits {
  readonly atOnce: number
  /** Further ones that wait; above it, the client that has the most waiting gives up its latest. */
  readonly waiting: number
  readonly waitMs: number
}

export interface Work {
  /**
   * Runs a job when its client's turn has come. The place is taken until the job has settled, whoever still waits for
   * it, so a job looks at `isWanted` between two slices and ends when it is not.
   *
   * @returns the job's outcome, or undefined if there is no room, or nobody wants it any more.
   */
  run<T>(client: string, isWanted: () => boolean, job: () => Promise<T>): Promise<T | undefined>
}

interface Waiter {
  readonly isWanted: () => boolean
  readonly decide: (mayRun: boolean) => void
}

export function createWork({ atOnce, waiting, waitMs }: WorkLimits): Work {
  // Clients in the order of their turns.
  const queues = new Map<string, Waiter[]>()
  let running = 0

  function next(): Waiter | undefined {
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
      const waiter = next()
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

  function turnOf(client: string, isWanted: () => boolean): Promise<boolean> {
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
      if (!(await turnOf(client, isWanted))) return undefined
      try {
        return await job()
      } finally {
        running--
        fill()
      }
    },
  }
}
