/** `--shard.total` and `--shard.index`, or what stands in for them. */
import { hostname } from 'node:os'
import type { Shard } from '../service.ts'
import type { GlobalFlags } from './flags.ts'
import { Exit, exitCodes } from './output.ts'

export interface ShardPlace {
  readonly env: Readonly<NodeJS.ProcessEnv>
  readonly host: string
}

/** An instance for each core of a large cluster; more is a mistake. */
const maxShards = 10_000

/**
 * The shard that this instance is: by its flags, else by SHARD_TOTAL and SHARD_INDEX, and by the ordinal that ends the
 * host name of a StatefulSet's pod.
 *
 * @returns undefined if there is one instance alone.
 * @throws Exit 2
 */
export function readShard(
  flags: Pick<GlobalFlags, 'shard.total' | 'shard.index'>,
  { env, host }: ShardPlace = { env: process.env, host: hostname() },
): Shard | undefined {
  const total = read('--shard.total', flags['shard.total']) ?? read('SHARD_TOTAL', env.SHARD_TOTAL)
  const index = read('--shard.index', flags['shard.index']) ?? read('SHARD_INDEX', env.SHARD_INDEX)
  if (total === undefined) {
    if (flags['shard.index'] === undefined) return undefined
    throw refuse('--shard.index needs --shard.total')
  }
  if (total < 1 || total > maxShards)
    throw refuse(`--shard.total ${total}: write a number from 1 to ${maxShards}`)
  const own = index ?? (total === 1 ? 0 : ordinalOf(host))
  if (own === undefined)
    throw refuse(`--shard.index is missing, and the host name "${host}" does not end in -<number>`)
  if (own >= total) throw refuse(`--shard.index ${own}: the first is 0, and --shard.total is ${total}`)
  return total === 1 ? undefined : { index: own, total }
}

function read(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw refuse(`${name} "${text}": write a whole number`)
}

/** `pulsecheck-3` is the pod with ordinal 3. */
function ordinalOf(host: string): number | undefined {
  const [, ordinal] = /^[^.]*-(\d{1,9})(?:\.|$)/.exec(host) ?? []
  return ordinal === undefined ? undefined : Number(ordinal)
}

function refuse(problem: string): Exit {
  return new Exit(exitCodes.usage, [`error: ${problem}`])
}
