/** One connection of a fuzz, as its seed makes it: the same number always gives the same bytes. */
import { corpus, foreign, fragments } from './corpus.ts'
import { createRandom, type Random } from './random.ts'

export interface FuzzCase {
  /** Written one after another, with a pause in between. */
  readonly pieces: readonly Buffer[]
  /** How many requests they were made from. */
  readonly requests: number
  /** How the client ends the connection: by a reset or a FIN as soon as it has written, or once answers stop coming. */
  readonly end: 'reset' | 'at once' | 'when quiet'
}

/** Requests on one connection, at most: beyond the 16 that a client may send ahead. */
const maxRequests = 18

export function createFuzzCase(seed: number, number: number): FuzzCase {
  const random = createRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b))
  const requests = 1 + random.int(random.chance(0.1) ? maxRequests : 12)
  // A message that cannot be parsed ends its connection, so many connections have only a few of them.
  const wrong = random.pick([0, 0.05, 0.2, 0.6])
  const messages = Array.from({ length: requests }, () => createMessage(random, wrong))
  const end = random.chance(0.05) ? 'reset' : random.chance(0.1) ? 'at once' : 'when quiet'
  return { pieces: cutUp(random, Buffer.concat(messages)), requests, end }
}

function createMessage(random: Random, wrong: number): Buffer {
  const valid = Buffer.from(createRequest(random), 'latin1')
  if (!random.chance(wrong)) return valid
  if (random.chance(0.05)) return random.bytes(1 + random.int(400))
  return random.chance(0.1) ? random.pick(foreign) : mutate(random, valid)
}

function createRequest(random: Random): string {
  const path = random.chance(0.02) ? random.pick(corpus.large) : random.pick(corpus.paths)
  const method = random.chance(0.7) ? 'GET' : random.pick(corpus.methods)
  const version = random.chance(0.9) ? '1.1' : random.pick(['1.0', '1.9', '0.9', '2.0'])
  const headers = Array.from({ length: random.int(4) }, () => random.pick(corpus.headers))
  const lines = [`${method} ${path} HTTP/${version}`, 'Host: localhost', ...headers].join('\r\n')
  return `${lines}\r\n${random.chance(0.1) ? random.pick(corpus.bodies) : '\r\n'}`
}

function mutate(random: Random, bytes: Buffer): Buffer {
  let result = bytes
  for (let times = 1 + random.int(3); times > 0; times--) result = random.pick(mutations)(random, result)
  return result
}

type Mutation = (random: Random, bytes: Buffer) => Buffer

const mutations: readonly Mutation[] = [
  // Flips one bit.
  (random, bytes) => {
    const copy = Buffer.from(bytes)
    const at = random.int(copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << random.int(8))
    return copy
  },
  // Puts something in.
  (random, bytes) => splice(bytes, random.int(bytes.length + 1), 0, random.pick(fragments)),
  (random, bytes) => splice(bytes, random.int(bytes.length + 1), 0, random.bytes(1 + random.int(8))),
  // Replaces something.
  (random, bytes) => splice(bytes, random.int(bytes.length + 1), 1 + random.int(8), random.pick(fragments)),
  // Takes something out.
  (random, bytes) => splice(bytes, random.int(bytes.length + 1), 1 + random.int(16), Buffer.alloc(0)),
  // Says something twice.
  (random, bytes) => {
    const from = random.int(bytes.length + 1)
    return splice(bytes, from, 0, bytes.subarray(from, from + 1 + random.int(40)))
  },
  // Ends early.
  (random, bytes) => bytes.subarray(0, random.int(bytes.length + 1)),
]

function splice(bytes: Buffer, at: number, removed: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)])
}

function cutUp(random: Random, bytes: Buffer): readonly Buffer[] {
  if (!random.chance(0.2)) return [bytes]
  const at = random.int(bytes.length + 1)
  return [bytes.subarray(0, at), bytes.subarray(at)].filter(({ length }) => length > 0)
}
