/** Several instances that share the dependencies among them: which of them are an instance's own. */
import type { DependencyDefinition } from '../model/dependency.ts'

/** One of several instances with the same configuration. */
export interface Shard {
  /** From 0. */
  readonly index: number
  readonly total: number
}

/**
 * The shard that a dependency belongs to, by rendezvous hashing of its name: the one with the highest weight (Thaler and
 * Ravishankar, 1998, "Using name-based mappings to increase hit rates"). A further shard takes over its share from all
 * others, and nothing else moves.
 */
export function shardOf(name: string, total: number): number {
  const key = hash(name)
  let best = 0
  let highest = -1
  for (let index = 0; index < total; index++) {
    const weight = mix(key ^ mix(index + 1))
    if (weight > highest) [best, highest] = [index, weight]
  }
  return best
}

/** Whether a dependency belongs to a shard; without one, all do. */
export function isOwn({ dependency: { name } }: DependencyDefinition, shard: Shard | undefined): boolean {
  return shard === undefined || shardOf(name, shard.total) === shard.index
}

/** FNV-1a, 32 bits (RFC 9923). */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193)
  return value
}

/** The finalizer of MurmurHash3: every bit of its input changes every bit of its output half of the time. */
function mix(value: number): number {
  let mixed = value
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
