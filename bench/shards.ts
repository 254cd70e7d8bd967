/**
 * How evenly shards share dependencies, and how many move to a further shard. It computes; nothing is checked.
 *
 *     node bench/shards.ts [--dependencies=100000] [--shards=20]
 */
import { shardOf } from '../src/service/shard.ts'
import { nameOf } from './support/dependencies.ts'
import { parameters } from './support/parameters.ts'

const { dependencies, shards } = parameters({ dependencies: 100_000, shards: 20 })
const names = Array.from({ length: dependencies }, (_, i) => nameOf(i))

function countsOf(total: number): readonly number[] {
  const counts = Array.from({ length: total }, () => 0)
  for (const name of names) {
    const index = shardOf(name, total)
    counts[index] = (counts[index] ?? 0) + 1
  }
  return counts
}

const startedAt = performance.now()
const counts = countsOf(shards)
const microseconds = ((performance.now() - startedAt) * 1_000) / dependencies
const moved = names.filter(name => shardOf(name, shards) !== shardOf(name, shards + 1)).length

console.log(`${dependencies} dependencies on ${shards} shards`)
console.table({
  'largest share over the mean': {
    value: ((Math.max(...counts) * shards) / dependencies).toFixed(3),
    bar: 'at most 1.1',
  },
  'smallest share over the mean': {
    value: ((Math.min(...counts) * shards) / dependencies).toFixed(3),
    bar: '',
  },
  'moved by one shard more, %': { value: ((100 * moved) / dependencies).toFixed(2), bar: 'at most 6' },
  'time to place one, µs': { value: microseconds.toFixed(2), bar: '' },
})
