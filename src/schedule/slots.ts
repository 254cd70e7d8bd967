/** The global concurrency limit. What hangs may fill only half of it, so that it cannot starve what works. */

export interface Slots {
  /** Calls `start` now or, in order, when a slot is free. Returns what takes it back out of the queue. */
  take(hanging: boolean, start: () => void): () => boolean
  release(hanging: boolean): void
  /** Slots in use. */
  readonly used: number
}

/** @param limit checks at the same time; at least 1. */
export function createSlots(limit: number): Slots {
  const hangingLimit = Math.max(1, Math.floor(limit / 2))
  const waiting = { true: new Set<() => void>(), false: new Set<() => void>() }
  let used = 0
  let usedByHanging = 0
  const fits = (hanging: boolean) => used < limit && (!hanging || usedByHanging < hangingLimit)
  const enter = (hanging: boolean, start: () => void) => {
    used++
    if (hanging) usedByHanging++
    start()
  }
  const admit = (hanging: boolean) => {
    const queue = waiting[`${hanging}`]
    for (const start of queue) {
      if (!fits(hanging)) return
      queue.delete(start)
      enter(hanging, start)
    }
  }
  return {
    take(hanging, start) {
      if (fits(hanging)) {
        enter(hanging, start)
        return () => false
      }
      const queue = waiting[`${hanging}`]
      queue.add(start)
      return () => queue.delete(start)
    },
    release(hanging) {
      used--
      if (hanging) usedByHanging--
      admit(false)
      admit(true)
    },
    get used() {
      return used
    },
  }
}
