/** Kinds of somebody's own in the stand-alone service: `--kinds`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { result } from './commands.ts'

const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-kinds-'))
afterAll(() => rmSync(folder, { recursive: true }))

function module(name: string, text: string): string {
  const file = join(folder, `${name}.js`)
  writeFileSync(file, text)
  return file
}

const src = join(import.meta.dirname, '../../src')

/** As an application would write it, but for the name of the package. */
const queue = module(
  'queue',
  `import { CheckError, defineKind } from ${JSON.stringify(`${src}/index.ts`)}
  const options = { '~standard': { version: 1, vendor: 'own', validate: value =>
    typeof value.depth === 'number' ? { value } : { issues: [{ message: 'expected a number', path: ['depth'] }] } } }
  export const queue = defineKind({
    name: 'queue', options,
    failures: { queue_full: ['unhealthy', 'The queue is full.', 'Drain it.'] },
    target: ({ depth }) => 'queue of ' + depth,
    open: ({ depth }) => ({ check: async () => {
      if (depth > 5) throw new CheckError('unhealthy', 'queue_full', depth + ' jobs wait')
    } }),
  })
  export const somethingElse = () => {}`,
)
/** Without importing the package at all, and with a failure of another copy's class. */
const bare = module(
  'bare',
  `export const bare = { name: 'bare', target: () => 'here', open: () => ({ check: async () => {
    throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  } }) }`,
)

test('a config uses kinds of other modules, with their options, targets and failures', async () => {
  const config = {
    dependencies: {
      small: { kind: 'queue', depth: 1 },
      large: { kind: 'queue', depth: 9 },
      odd: { kind: 'bare' },
    },
  }
  const flags = ['--kinds', queue, '--kinds', bare]
  const { stdout, code } = await result({ flags: [...flags, 'check', '--output', 'json'], config })
  expect(code).toBe(1)
  const { dependencies } = JSON.parse(stdout)
  expect(dependencies).toMatchObject({
    small: { kind: 'queue', target: 'queue of 1', status: 'up' },
    large: { lastFailure: { reason: 'unhealthy', detail: 'queue_full', message: '9 jobs wait' } },
    odd: { lastFailure: { reason: 'connection_error', detail: 'ECONNREFUSED' } },
  })
})

test('their mistakes have a place in the file', async () => {
  const config = { dependencies: { jobs: { kind: 'queue', depth: 'many' } } }
  const { stderr, code } = await result({ flags: ['--kinds', queue, '--config.check'], config })
  expect([code, stderr]).toEqual([
    3,
    expect.stringMatching(/:\d+:\d+: dependencies\.jobs\.depth: expected a number\n/),
  ])
})

test.each([
  ['a module that is not there', join(folder, 'none.js'), 'cannot be loaded: '],
  [
    'a module without a kind',
    module('empty', 'export const a = 1'),
    'exports no kind; export what defineKind returns',
  ],
  [
    'a name that is taken',
    module('http', "export const k = { name: 'http', target: () => '', open: () => ({}) }"),
    'there is a kind http already',
  ],
])('%s is wrong usage', async (_, file, why) => {
  const { stderr, code } = await result({
    flags: ['--kinds', file, '--config.check'],
    config: { dependencies: { a: 'tcp://a:1' } },
  })
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining(`error: --kinds ${JSON.stringify(file)}: ${why}`),
  ])
})
