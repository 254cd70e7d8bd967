import { expect, test } from 'vitest'
import { formatProblem, type Problem } from '../../../src/config/problem.ts'
import { plain } from '../../../src/config/tree.ts'
import { maxDepth } from '../../../src/config/yaml/compose.ts'
import { maxAliased, readYaml } from '../../../src/config/yaml/yaml.ts'

function read(text: string) {
  const problems: Problem[] = []
  const tree = readYaml('f', text, problem => problems.push(problem))
  return { value: tree && plain(tree), problems: problems.map(formatProblem) }
}

test.each([
  ['a: 1\nb: [x, "y", true, null, ~, 0x10, .5]\n', { a: 1, b: ['x', 'y', true, null, null, 16, 0.5] }],
  ['---\na: yes\n...\n', { a: 'yes' }],
  ['a: |\n  x\n  y\nb: >-\n  x\n  y\n', { a: 'x\ny\n', b: 'x y' }],
  ['{a: {b: [1, 2]}}', { a: { b: [1, 2] } }],
  ['a: 2024-01-01\nb: 1:30\nc: 0o17\nd: 017\n', { a: '2024-01-01', b: '1:30', c: 15, d: 17 }],
  ['a: &x { k: 1 }\nb: *x\nc: [*x]\n', { a: { k: 1 }, b: { k: 1 }, c: [{ k: 1 }] }],
  ["\"a b\": 'it''s'\n", { 'a b': "it's" }],
])('reads %j', (text, value) => {
  const read_ = read(text)
  expect(read_.problems).toEqual([])
  expect(read_.value).toEqual(value)
})

test('objects have no prototype', () => {
  const { value } = read('a: { b: 1 }')
  expect(Object.getPrototypeOf(value)).toBeNull()
  expect(Object.getPrototypeOf((value as { a: unknown }).a)).toBeNull()
})

test.each([
  ['a: 1\na: 2', 'f:2:1: a: duplicate key, first on line 1'],
  ['a: { __proto__: { x: 1 } }', 'f:1:6: a.__proto__: this key is not allowed'],
  ['prototype: 1', 'f:1:1: prototype: this key is not allowed'],
  ['a: &a [*a]', 'f:1:8: a[0]: an anchored value cannot hold an alias'],
  ['a: !!binary aGk=', 'f:1:4: tags are not supported; put a value that begins with ! in quotes'],
  ['a: !!str 5', 'f:1:10: a: tags are not supported'],
  ['a: !!map { b: 1 }', 'f:1:10: a: tags are not supported'],
  ['&k a: 1', 'f:1:4: a: a key must be plain text'],
  ['{ a: x, y }', 'f:1:9: a key without a colon; a value that holds a comma needs quotes'],
  ['? a', 'f:1:3: a key without a colon; a value that holds a comma needs quotes'],
  ['*k : 1', 'f:1:1: a key must be plain text'],
  ['a: 1\n---\nb: 1', 'f:2:1: more than one document; keep one, and leave out the line ---'],
  ['%TAG ! x\n---\na: 1', 'f:1:1: directives are not supported; leave out lines that begin with %'],
])('refuses %j', (text, problem) => {
  expect(read(text).problems).toEqual([problem])
})

const nest = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels)

test.each([
  ['lists in flow style', nest('[', ']', maxDepth), nest('[', ']', maxDepth + 1)],
  ['maps in flow style', `${'{a: '.repeat(maxDepth)}${'}'.repeat(maxDepth)}`, '{a: '.repeat(maxDepth + 1)],
  ['lists in block style', `${'- '.repeat(maxDepth)}x`, `${'- '.repeat(maxDepth + 1)}x`],
])('%s may nest 100 levels deep', (_, deep, deeper) => {
  expect(read(deep).problems).toEqual([])
  expect(read(deeper).problems).toEqual([expect.stringContaining('nested more than 100 levels deep')])
})

test.each([
  ['brackets', '['.repeat(20_000)],
  ['a mebibyte of brackets', '['.repeat(1 << 20)],
  ['closed brackets', nest('[', ']', 20_000)],
  ['braces', '{'.repeat(20_000)],
  ['maps', '{a: '.repeat(20_000)],
  ['dashes', '- '.repeat(20_000)],
  ['question marks', '? '.repeat(20_000)],
  ['brackets in a text are no nesting, but unclosed', `a: "${'['.repeat(20_000)}`],
])('20,000 %s are refused and end nothing', (_, text) => {
  expect(read(text).problems).toHaveLength(1)
})

test('brackets inside texts and comments are no nesting', () => {
  const brackets = '['.repeat(500)
  expect(
    read(`a: "${brackets}" # ${brackets}\nb: 'x${brackets}'\nc: |\n  ${brackets}\nd: x${brackets}\n`)
      .problems,
  ).toEqual([])
})

test.each([
  ['commas', `[${','.repeat(300_000)}`],
  ['quotes', '""'.repeat(300_000)],
  ['closing brackets', ']'.repeat(300_000)],
  ['anchors', '&a '.repeat(300_000)],
])('a flood of %s is refused before it is built', (_, text) => {
  expect(read(text).problems).toEqual([expect.stringContaining('more than 250000 words and signs')])
})

test('aliases add up to a bound, and one report says so', () => {
  const list = `a: &a [${Array.from({ length: 98 }, (_, i) => i).join(', ')}]\n`
  const uses = (n: number) => Array.from({ length: n }, (_, i) => `k${i}: *a\n`).join('')
  const most = Math.floor(maxAliased / 99)
  expect(read(list + uses(most)).problems).toEqual([])
  expect(read(list + uses(most + 50)).problems).toEqual([
    `f:${most + 2}:${`k${most}`.length + 3}: k${most}: aliases repeat more than 10000 values`,
  ])
})

test('every mistake of syntax is told, one for each line, in words that do not repeat the text', () => {
  const { problems } = read('a: "x" hunter22\nb: @hunter22\nc: [hunter22\n')
  expect(problems.length).toBeGreaterThanOrEqual(2)
  expect(problems.join('\n')).not.toContain('hunter22')
})
