/** Kinds of the application: their options are read by any schema that is a Standard Schema, or they have none. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { parseDependency } from '../../src/model/definition.ts'
import { defineKind, type OptionsSchema } from '../../src/model/kind.ts'

const checker = { check: async () => {} }

/** A schema of somebody else: a queue has a name, and a depth that becomes a number. */
const queueOptions: OptionsSchema<{ queue: string; depth?: string }, { queue: string; depth: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const { queue, depth = '10', ...unknown } = value as Record<string, unknown>
      const issues = Object.keys(unknown).map(key => ({ message: `unknown key`, path: [{ key }] }))
      if (typeof queue !== 'string')
        return { issues: [...issues, { message: 'is missing', path: ['queue'] }] }
      return issues.length > 0 ? { issues } : { value: { queue, depth: Number(depth) } }
    },
  },
}

const queue = defineKind({
  name: 'queue',
  options: queueOptions,
  target: ({ queue, depth }) => `${queue} (${depth})`,
  open: () => checker,
})

const parse = (options: unknown) => parseDependency('orders', queue, options)

describe('a kind with a schema of another library', () => {
  test('gets its own options as that schema gives them, and the common ones are read as always', () => {
    const { dependency } = parse({ queue: 'orders', depth: '5', interval: '5s', critical: false })
    expect(dependency).toMatchObject({ target: 'orders (5)', intervalMs: 5_000, critical: false })
  })

  test('is refused with every problem of both schemas', () => {
    const given = { interval: '1s', timeout: '2s', dept: 5 }
    expect(() => parse(given)).toThrow(
      /timeout 2s is above interval 1s.*dept: unknown key; queue: is missing/,
    )
    expect(() => parse({ queue: 'orders', interval: 5 })).toThrow('interval: expected a duration')
  })

  test('must be read at once', () => {
    const later = {
      '~standard': { version: 1, vendor: 'test', validate: async () => ({ value: {} }) },
    } as const
    const kind = defineKind({ name: 'later', options: later, target: () => '', open: () => checker })
    expect(() => parseDependency('a', kind, {})).toThrow('the schema of kind later is asynchronous')
  })

  test('is typed by that schema', () => {
    expectTypeOf(queue).parameter(0).toHaveProperty('queue').toEqualTypeOf<string>()
    // @ts-expect-error the queue is missing
    queue({})
    // @ts-expect-error an option that is misspelt
    queue({ queue: 'orders', interal: '5s' })
  })
})

test('a kind without options takes the settings, and refuses anything else', () => {
  const bare = defineKind({ name: 'bare', target: () => 'here', open: () => checker })
  expect(parseDependency('a', bare, { interval: '5s' }).dependency.intervalMs).toBe(5_000)
  expect(() => parseDependency('a', bare, { interal: '5s' })).toThrow('Unrecognized key: "interal"')
  // @ts-expect-error an option that is misspelt
  bare({ interal: '5s' })
})

test("a kind's declaration says what its options are, and no type of zod", () => {
  const kind = defineKind({
    name: 'with-zod',
    options: z.strictObject({
      url: z.string(),
      tls: z.strictObject({ ca: z.string().optional() }).optional(),
    }),
    target: ({ url }) => url,
    open: () => checker,
  })
  expectTypeOf(kind).parameter(0).toHaveProperty('url').toEqualTypeOf<string>()
  // @ts-expect-error an option that is misspelt, further in
  kind({ url: 'x', tls: { caa: '' } })
})
