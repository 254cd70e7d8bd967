/** Pseudo-random numbers that a seed repeats. */

export interface Random {
  /** From 0 to `below`, without it. */
  int(below: number): number
  pick<T>(from: readonly T[]): T
  chance(share: number): boolean
  bytes(length: number): Buffer
}

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, which is plenty to vary requests. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number) => Math.floor(next() * below)
  return {
    int,
    pick: from => from[int(from.length)]!,
    chance: share => next() < share,
    bytes: length => Buffer.from(Array.from({ length }, () => int(256))),
  }
}
