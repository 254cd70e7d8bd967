import { hashSync } from 'bcryptjs'
import { afterAll, describe, expect, test } from 'vitest'
import { type Bcrypt, createBcrypt } from '../../../src/server/access/bcrypt.ts'
import { type Credentials, createCredentials } from '../../../src/server/access/credentials.ts'
import type { Users } from '../../../src/server/options.ts'

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

function verify(
  credentials: Credentials,
  authorization: string | undefined,
  against: Users = users,
  address = '198.51.100.1',
) {
  return credentials.verify({ users: against, authorization, address })
}

describe('verify', () => {
  const credentials = createCredentials(bcrypt)
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
    expect(await verify(credentials, authorization)).toBe(proof)
    expect(await verify(credentials, authorization)).toBe(proof)
  })
})

/** bcrypt that writes down what it is handed, and does nothing before `open`. */
function gated() {
  const gate = Promise.withResolvers<void>()
  const handed: { readonly password: string; readonly hashes: readonly string[] }[] = []
  const matches = async (password: string, hashes: readonly string[]) => {
    handed.push({ password, hashes })
    await gate.promise
    return bcrypt.matches(password, hashes)
  }
  return { bcrypt: { matches, close: async () => {} }, handed, open: gate.resolve }
}

const [one, two, three] = ['198.51.100.1', '198.51.100.2', '198.51.100.3'] as const

test('every refusal costs the same: the hashes are of the same costs, whoever is named', async () => {
  const { bcrypt, handed, open } = gated()
  open()
  const mixed = new Map([...users, ['carol', hashSync('x', 6)], ['dave', hashSync('x', 5)]])
  const credentials = createCredentials(bcrypt)
  for (const user of ['alice', 'carol', 'dave', 'nobody'])
    expect(await verify(credentials, basic(`${user}:wrong`), mixed)).toBe('invalid')
  const costs = handed.map(({ hashes }) => hashes.map(hash => hash.slice(4, 6)))
  expect(costs).toEqual(Array(4).fill(['04', '05', '06']))
  expect(await verify(credentials, basic('carol:x'), mixed)).toBe('valid')
  expect(await verify(credentials, basic('alice:x'), mixed)).toBe('invalid')
})

test('the same credentials at the same time are compared once, and later not at all', async () => {
  const { bcrypt, handed, open } = gated()
  const credentials = createCredentials(bcrypt)
  const proofs = Array.from({ length: 100 }, () => verify(credentials, basic('alice:pass:word')))
  open()
  expect(new Set(await Promise.all(proofs))).toEqual(new Set(['valid']))
  expect(await verify(credentials, basic('alice:pass:word'))).toBe('valid')
  expect(handed).toHaveLength(1)
})

describe('a flood of guesses', () => {
  const guess = (credentials: Credentials, i: number, address: string = one) =>
    verify(credentials, basic(`alice:${i}`), users, address)

  test('fills the queue of its own address, and others take turns with it', async () => {
    const { bcrypt, handed, open } = gated()
    const credentials = createCredentials(bcrypt)
    const guesses = Array.from({ length: 100 }, (_, i) => guess(credentials, i))
    const honest = [
      verify(credentials, basic('alice:pass:word'), users, two),
      verify(credentials, basic('bob:'), users, three),
    ]
    expect(await verify(credentials, basic('ab:c'), users, one)).toBe('busy')
    open()
    expect(await Promise.all(honest)).toEqual(['valid', 'valid'])
    const proofs = await Promise.all(guesses)
    expect(proofs.filter(proof => proof === 'busy')).toHaveLength(84)
    expect(proofs.filter(proof => proof === 'invalid')).toHaveLength(16)
    expect(handed.slice(0, 5).map(({ password }) => password)).toEqual(['0', 'pass:word', '', '1', '2'])
    expect(await verify(credentials, basic('ab:c'), users, one)).toBe('valid')
  })

  test('does not reach those who are known, not even from the same address', async () => {
    const { bcrypt: stuck } = gated()
    let isStuck = false
    const matches: Bcrypt['matches'] = (...work) => (isStuck ? stuck : bcrypt).matches(...work)
    const credentials = createCredentials({ matches, close: async () => {} })
    expect(await verify(credentials, basic('alice:pass:word'))).toBe('valid')
    isStuck = true
    for (let i = 0; i < 20; i++) void guess(credentials, i)
    expect(await guess(credentials, 20)).toBe('busy')
    expect(await verify(credentials, basic('alice:pass:word'))).toBe('valid')
  })

  test('from the addresses of one IPv6 network comes from one client', async () => {
    const credentials = createCredentials(gated().bcrypt)
    for (let i = 0; i < 16; i++) void guess(credentials, i, `2001:db8:0:1::${i}`)
    expect(await guess(credentials, 16, '2001:db8::1:0:0:0:1')).toBe('busy')
    let isBusy = false
    void guess(credentials, 17, '2001:db8:0:2::1').then(proof => {
      isBusy = proof === 'busy'
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(isBusy).toBe(false)
  })
})

test('more than 128 clients do not wait, and those that do are served', async () => {
  const { bcrypt, open } = gated()
  const credentials = createCredentials(bcrypt)
  const login = (i: number, address = `198.51.100.${i}`) =>
    verify(credentials, basic('alice:pass:word'), users, address)
  const waiting = Array.from({ length: 128 }, (_, i) => login(i))
  expect(await login(128)).toBe('busy')
  const second = verify(credentials, basic('bob:'), users, '198.51.100.127')
  open()
  expect(new Set(await Promise.all([...waiting, second]))).toEqual(new Set(['valid']))
  expect(await login(128)).toBe('valid')
})

test('a comparison that fails is the failure of one attempt alone', async () => {
  let calls = 0
  const matches: Bcrypt['matches'] = async (...work) => {
    if (calls++ === 0) throw new Error('the thread has ended')
    return await bcrypt.matches(...work)
  }
  const credentials = createCredentials({ matches, close: async () => {} })
  const [first, second] = [basic('alice:pass:word'), basic('bob:')].map(each => verify(credentials, each))
  await expect(first).rejects.toThrow('the thread has ended')
  expect(await second).toBe('valid')
  expect(await verify(credentials, basic('alice:pass:word'))).toBe('valid')
})

describe('who was verified', () => {
  const many = new Map(Array.from({ length: 129 }, (_, i) => [`user${i}`, hashSync(`${i}`, 4)]))
  const login = (i: number) => basic(`user${i}:${i}`)

  test('is remembered while the hash stays, whatever else a reload changes', async () => {
    const { bcrypt, handed, open } = gated()
    open()
    const credentials = createCredentials(bcrypt)
    expect(await verify(credentials, basic('alice:pass:word'))).toBe('valid')
    const more = new Map([...users, ['erin', hashSync('x', 4)]])
    expect(await verify(credentials, basic('alice:pass:word'), more)).toBe('valid')
    expect(handed).toHaveLength(1)
    const changed = new Map([...users, ['alice', hashSync('other', 4)]])
    expect(await verify(credentials, basic('alice:pass:word'), changed)).toBe('invalid')
    expect(await verify(credentials, basic('alice:pass:word'), new Map([...users].slice(1)))).toBe('invalid')
    expect(await verify(credentials, basic('alice:pass:word'))).toBe('valid')
    expect(handed).toHaveLength(3)
  })

  test('is forgotten one at a time, the one not seen for longest first', async () => {
    const { bcrypt, handed, open } = gated()
    open()
    const credentials = createCredentials(bcrypt)
    for (let i = 0; i < 128; i++) await verify(credentials, login(i), many)
    await verify(credentials, login(0), many)
    await verify(credentials, login(128), many)
    expect(handed).toHaveLength(129)
    for (let i = 2; i <= 128; i++) await verify(credentials, login(i), many)
    await verify(credentials, login(0), many)
    expect(handed).toHaveLength(129)
    await verify(credentials, login(1), many)
    expect(handed).toHaveLength(130)
  })
})
