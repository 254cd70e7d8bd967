/** What a long piece of work does between two turns of the event loop. */
import { onTestFinished, vi } from 'vitest'

export interface TurnCounter {
  count(): void
  /** The highest count between two turns of the event loop. */
  most(): number
}

/** For the rest of the test, each look at the time takes a millisecond: slices are short, however fast the machine is. */
export function countInTurns(): TurnCounter {
  let now = performance.now()
  const time = vi.spyOn(performance, 'now').mockImplementation(() => ++now)
  let counted = 0
  let most = 0
  const turn = () => {
    counted = 0
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  onTestFinished(() => {
    clearImmediate(next)
    time.mockRestore()
  })
  return {
    count() {
      most = Math.max(most, ++counted)
    },
    most: () => most,
  }
}
