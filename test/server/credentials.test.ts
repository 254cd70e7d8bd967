import { hashSync } from 'bcryptjs'
import { afterAll, describe, expect, test } from 'vitest'
import { createBcrypt } from '../../src/server/bcrypt.ts'
import { createCredentials } from '../../src/server/credentials.ts'

const bcrypt = createBcrypt()
afterAll(bcrypt.close)

const users = new Map([
  ['alice', hashSync('pass:word', 4)],
  ['bob', hashSync('', 4).replace('$2b$', '$2y$')],
  ['ab', hashSync('c', 4)],
])

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`
}

describe('verify', () => {
  const credentials = createCredentials(users, bcrypt)
  test.each([
    [basic('alice:pass:word'), 'valid'],
    [basic('alice:pass:word').replace('Basic', 'bAsIc'), 'valid'],
    [basic('bob:'), 'valid'],
    [basic('ab:c'), 'valid'],
    [basic('a:bc'), 'invalid'],
    [basic('a:b:c'), 'invalid'],
    [basic('alice:pass'), 'invalid'],
    [basic('alice:pass:word\0'), 'invalid'],
    [basic('alice\0:pass:word'), 'invalid'],
    [basic('alice'), 'invalid'],
    [basic('nobody:pass:word'), 'invalid'],
    [basic('__proto__:x'), 'invalid'],
    [basic(''), 'invalid'],
    [basic(':'), 'invalid'],
    [`Basic ${'A'.repeat(8_000)}`, 'invalid'],
    ['Bearer abc', 'invalid'],
    ['Basic', 'invalid'],
    ['', 'invalid'],
    [undefined, 'invalid'],
  ] as const)('%j is %s', async (authorization, proof) => {
    expect(await credentials.verify(authorization)).toBe(proof)
    expect(await credentials.verify(authorization)).toBe(proof)
  })
})

/** bcrypt that counts, and answers when it is told to. */
function slow() {
  const gate = Promise.withResolvers<void>()
  const compared: string[] = []
  const matches = async (password: string, hash: string) => {
    compared.push(hash)
    await gate.promise
    return bcrypt.matches(password, hash)
  }
  return { bcrypt: { matches, close: async () => {} }, compared, open: gate.resolve }
}

test('an unknown user costs a comparison with the costliest hash', async () => {
  const { bcrypt, compared, open } = slow()
  open()
  const costly = hashSync('x', 6)
  const credentials = createCredentials(new Map([...users, ['carol', costly]]), bcrypt)
  expect(await credentials.verify(basic('nobody:x'))).toBe('invalid')
  expect(compared).toEqual([costly])
})

test('the same credentials at the same time are compared once, and later not at all', async () => {
  const { bcrypt, compared, open } = slow()
  const credentials = createCredentials(users, bcrypt)
  const proofs = Array.from({ length: 100 }, () => credentials.verify(basic('alice:pass:word')))
  open()
  expect(new Set(await Promise.all(proofs))).toEqual(new Set(['valid']))
  expect(await credentials.verify(basic('alice:pass:word'))).toBe('valid')
  expect(compared).toHaveLength(1)
})

test('a flood of guesses is refused beyond a bounded queue, and who is known still comes in', async () => {
  const { bcrypt: waiting, open } = slow()
  let flooded = false
  const credentials = createCredentials(users, {
    matches: (...pair) => (flooded ? waiting : bcrypt).matches(...pair),
    close: async () => {},
  })
  expect(await credentials.verify(basic('alice:pass:word'))).toBe('valid')
  flooded = true
  const guesses = Array.from({ length: 100 }, (_, i) => credentials.verify(basic(`alice:${i}`)))
  expect(await credentials.verify(basic('alice:pass:word'))).toBe('valid')
  expect(await credentials.verify(basic('bob:'))).toBe('busy')
  open()
  const proofs = await Promise.all(guesses)
  expect(proofs.filter(proof => proof === 'busy')).toHaveLength(68)
  expect(proofs.filter(proof => proof === 'invalid')).toHaveLength(32)
  expect(await credentials.verify(basic('bob:'))).toBe('valid')
})
