/** Problems are told apart by codes: the words of a schema decide nothing. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createProblems, formatProblem } from '../../src/config/problem.ts'
import { validate } from '../../src/config/validate.ts'
import { readYaml } from '../../src/config/yaml/yaml.ts'
import { duration } from '../../src/model/settings.ts'

function problemsOf(schema: z.ZodType, text: string): readonly string[] {
  const { report, list } = createProblems()
  const place = { file: 'a.yml', line: 1, column: 1 }
  const value = readYaml('a.yml', text, report)!
  validate({
    schema,
    entry: { written: undefined, place, value },
    path: '',
    report,
    unknownKey: () => undefined,
  })
  return list().map(formatProblem)
}

const words = { error: 'nur in anderen Worten' }

test.each([
  ['the alternative that fits', z.union([z.boolean(words), z.strictObject({ ca: z.string() })]), '{ ca: 5 }'],
  ['whatever its order', z.union([z.strictObject({ ca: z.string() }), z.boolean(words)]), '{ ca: 5 }'],
])('a union tells what is wrong inside of %s', (_, union, value) => {
  expect(problemsOf(z.strictObject({ tls: union }), `tls: ${value}`)).toEqual([
    'a.yml:1:12: tls.ca: expected text, got a whole number; put it in quotes',
  ])
})

test('a number without unit has a hint only where a duration is meant', () => {
  const schema = z.strictObject({ wait: duration('1s', '1h'), note: z.string({ error: 'no duration' }) })
  expect(problemsOf(schema, 'wait: 5\nnote: 5')).toEqual([
    'a.yml:1:7: wait: expected a duration with its unit, such as 1s or 15s; did you mean 5s?',
    'a.yml:2:7: note: no duration',
  ])
})

test('a required union that is left out is missing', () => {
  const schema = z.strictObject({ tls: z.union([z.boolean(), z.strictObject({})]) })
  expect(problemsOf(schema, '{}')).toEqual(['a.yml:1:1: tls: is missing'])
})
