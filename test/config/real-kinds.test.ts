import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { kinds } from '../../src/kinds/index.ts'
import { optionsOf } from '../../src/model/definition.ts'
import { directoryOf } from './loading.ts'

const canary = 'hunter22-canary'
const urls = kinds.flatMap(({ name: kind, schemes = [] }) =>
  schemes.map((scheme): [string, string] => [kind, scheme]),
)
const examples = kinds.flatMap(({ name: kind, schemes = [], example }) =>
  schemes.map((scheme): [string, string] => [kind, String(example?.url).replace(/^[^:]+/, scheme)]),
)

async function load(text: string, files: Readonly<Record<string, string>> = {}) {
  const directory = await directoryOf({ ...files, 'pulsecheck.yml': text })
  return await loadConfig({ file: join(directory, 'pulsecheck.yml'), env: {}, kinds })
}

test('no scheme names two kinds', () => {
  expect(new Set(urls.map(([, scheme]) => scheme)).size).toBe(urls.length)
})

test.each(examples)('%s in one line, by %s, and by the file twin of its URL', async (kind, bare) => {
  const loaded = await load(`dependencies:\n  one: ${bare}\n  two: { kind: ${kind}, urlFile: url }\n`, {
    url: `${bare}\n`,
  })
  expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([])
  expect(loaded.ok && loaded.config.dependencies.map(({ dependency }) => dependency.kind)).toEqual([
    kind,
    kind,
  ])
})

test.each(urls)(
  '%s: no password of a %s:// URL shows, whether it is accepted or refused',
  async (kind, scheme) => {
    const hostile = ['h:1/p', 'h:99999', ':', 'h h', '[::1', 'h:1/p?a=b#c', '']
    const lines = hostile.map(
      (rest, i) => `  d${i}: { kind: ${kind}, url: "${scheme}://app:${canary}@${rest}", hots: x }\n`,
    )
    const good = `  one: "${scheme}://app:${canary}@h:1/p"\n`
    for (const text of [lines.join(''), good, lines.join('').replaceAll(', hots: x', '')]) {
      const loaded = await load(`dependencies:\n${text}`)
      const shown = loaded.ok
        ? inspect(loaded.config, { depth: 20 })
        : loaded.problems.map(formatProblem).join('\n')
      expect(shown).not.toContain(canary)
    }
  },
)

test.each(kinds.map(({ name }) => name))(
  '%s: each key is read or refused at its place, whatever stands there',
  async kind => {
    const found = kinds.find(candidate => candidate.name === kind)
    const keys = Object.keys(found === undefined ? {} : optionsOf(found).shape)
    const values = [
      '~',
      'true',
      '5',
      `"${canary}"`,
      '[]',
      '{}',
      `[${canary}]`,
      `{ k: "${canary}" }`,
      '-1',
      '.nan',
      '""',
    ]
    for (const value of values) {
      const lines = keys.map(key => `  ${key}:\n    kind: ${kind}\n    ${key}: ${value}\n`)
      const loaded = await load(`dependencies:\n${lines.join('')}`)
      const problems = loaded.ok ? [] : loaded.problems
      expect(problems.every(({ line, path }) => line > 1 && path.startsWith('dependencies.'))).toBe(true)
      expect(problems.map(formatProblem).join('\n')).not.toContain(canary)
    }
  },
)

test.each(kinds.map(kind => [kind.name, kind] as const))(
  'the example of %s is valid',
  async (name, { example }) => {
    const loaded = await load(JSON.stringify({ dependencies: { one: { kind: name, ...example } } }))
    expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([])
    expect(example).not.toEqual({})
  },
)

test('the JSON Schema knows each of them, with its example', () => {
  const schema = JSON.stringify(configJsonSchema(kinds))
  for (const { name, example } of kinds) {
    expect(schema).toContain(`"const":"${name}"`)
    expect(schema).toContain(JSON.stringify({ kind: name, ...example }))
  }
  for (const [, scheme] of urls) expect(schema).toContain(scheme)
})

test('durations of a kind print as they are written', async () => {
  const loaded = await load(
    'dependencies:\n  one: { kind: tcp, host: a, port: 1, interval: 90s, settle: 1500ms, tls: { expiresWithin: 36h } }\n',
  )
  expect(loaded.ok && loaded.config.printable).toMatchObject({
    dependencies: { one: { interval: '1m30s', settle: '1s500ms', tls: { expiresWithin: '1d12h' } } },
  })
})
