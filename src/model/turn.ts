/** Long work in slices, so that it never keeps the event loop. */
import { setImmediate as turn } from 'node:timers/promises'

/** Long enough to get on, short enough that nobody notices: the bar for the longest block is 10 ms. */
const sliceMs = 2

/** A function to await in a long loop: it lets the event loop turn once whenever `sliceMs` of work have been done. */
export function createBreather(): () => Promise<void> | undefined {
  let started = performance.now()
  return () => {
    if (performance.now() - started < sliceMs) return
    return turn().then(() => {
      started = performance.now()
    })
  }
}

export { turn }
