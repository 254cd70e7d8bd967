// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these texts are references, not templates.
import { expect, test } from 'vitest'
import { expandReferences } from '../../src/config/environment.ts'
import type { Problem } from '../../src/config/problem.ts'
import type { Leaf } from '../../src/config/tree.ts'
import { configOf, problemsOf } from './loading.ts'

const place = { file: 'f', line: 1, column: 1 }
const env = { A: 'one', EMPTY: '', NESTED: '${A} $$', NUMBER: '15', YES: 'true' }

function expand(value: string, plain = false) {
  const problems: Problem[] = []
  const leaf: Leaf = { type: 'leaf', place, value, plain }
  return { leaf: expandReferences(leaf, 'p', env, problem => problems.push(problem)) as Leaf, problems }
}

test.each([
  ['plain', 'plain'],
  ['${A}', 'one'],
  ['x${A}y${A}', 'xoneyone'],
  ['${A:-two}', 'one'],
  ['${NONE:-two}', 'two'],
  ['${NONE:-}', ''],
  ['${EMPTY}', ''],
  ['${EMPTY:-two}', 'two'],
  ['${NONE:-a\nb}', 'a\nb'],
  ['${NONE:-postgres://u:p@h/db?x=1}', 'postgres://u:p@h/db?x=1'],
  ['$$', '$'],
  ['$${A}', '${A}'],
  ['$$${A}', '$one'],
  ['cost$', 'cost$'],
  ['^a$|b', '^a$|b'],
  ['$A', '$A'],
  ['${NESTED}', '${A} $$'],
])('%j becomes %j', (source, text) => {
  const { leaf, problems } = expand(source)
  expect(problems).toEqual([])
  expect(leaf.value).toBe(text)
})

test.each(['${', '${A', '${}', '${1}', '${A B}', '${A-b}', '${A:b}', 'x${A}${'])(
  '%j is malformed',
  source => {
    const { leaf, problems } = expand(source)
    expect(problems.map(problem => problem.message)).toEqual(['malformed reference'])
    expect(leaf.broken).toBe(true)
  },
)

test.each(['NONE', 'constructor', 'toString', 'hasOwnProperty'])('%s is not set', name => {
  expect(expand(`\${${name}}`).problems[0]?.message).toBe(`environment variable ${name} is not set`)
})

test.each([
  ['${NUMBER}', true, 15],
  ['${YES}', true, true],
  ['${NONE:-0.5}', true, 0.5],
  ['${NUMBER}', false, undefined],
  ['${NUMBER}0', true, undefined],
  ['${A}', true, undefined],
])('%j, plain: %j, may be read as %j', (source, plain, reading) => {
  expect(expand(source, plain).leaf.reading).toBe(reading)
})

const text = `
dependencies:
  orders-db:
    kind: postgres
    host: db
    port: \${PORT}
    password: \${PASSWORD}
    critical: \${CRITICAL}
    failureThreshold: \${N:-4}
    labels: { version: "\${VERSION}" }
    tls: { verify: false }
`

test('a reference is text where text is wanted, and a number or a boolean where that is', async () => {
  const env = { PORT: '6000', PASSWORD: '123456', CRITICAL: 'false', VERSION: '1.10' }
  const { dependencies, printable } = await configOf(text, env)
  expect(dependencies[0]?.dependency).toMatchObject({
    critical: false,
    failureThreshold: 4,
    labels: { version: '1.10' },
  })
  expect(printable).toMatchObject({ dependencies: { 'orders-db': { port: 6000, password: '<secret>' } } })
  expect(dependencies[0]?.redact('says 123456')).toBe('says <secret>')
})

test.each([['true'], ['123456'], ['null'], ['a: b'], ['*alias'], ['}{}{'], ['!tag'], ['# no comment']])(
  'a password %j from the environment arrives as it is',
  async password => {
    const { dependencies } = await configOf(text, {
      PORT: '1',
      PASSWORD: password,
      CRITICAL: 'true',
      VERSION: 'x',
    })
    expect(dependencies[0]?.redact(`<${password}>`)).toBe('<<secret>>')
  },
)

test('a quoted reference stays text', async () => {
  const quoted = 'dependencies:\n  a: { kind: tcp, host: h, port: "${PORT}" }\n'
  expect(await problemsOf(quoted, { PORT: '6000' })).toEqual([
    'pulsecheck.yml:2:34: dependencies.a.port: expected a number, got text; leave out the quotes',
  ])
})

test('references stand in the one-line form, in lists and under server, not in keys', async () => {
  const env = { URL: 'redis://cache', PORT: '1234' }
  const config = await configOf('dependencies:\n  c: ${URL}\nserver:\n  listen: ["127.0.0.1:${PORT}"]\n', env)
  expect(config.dependencies[0]?.dependency.target).toBe('redis://cache')
  expect(config.server.listen).toEqual([{ host: '127.0.0.1', port: 1234 }])
  expect(await problemsOf('dependencies:\n  "${URL}": redis://cache\n', env)).toHaveLength(1)
})
