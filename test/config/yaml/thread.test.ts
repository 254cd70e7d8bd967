import { describe, expect, test } from 'vitest'
import { createProblems, formatProblem } from '../../../src/config/problem.ts'
import { type Outline, outlineOf } from '../../../src/config/tree.ts'
import { readInThread, type ThreadLimits } from '../../../src/config/yaml/thread.ts'
import { readYaml } from '../../../src/config/yaml/yaml.ts'

async function read(text: string, limits?: ThreadLimits) {
  const { report, list } = createProblems()
  const outline = await readInThread('f.yml', text, report, async found => found && copied(found), limits)
  return { outline, problems: list().map(formatProblem) }
}

const copied = ({ dependencies, ...rest }: Outline) => ({ ...rest, dependencies: [...dependencies] })
const many = Array.from(
  { length: 1_000 },
  (_, i) => `  d${i}: { kind: tcp, host: &h${i} a, port: 1, labels: { a: *h${i} } }\n`,
)
const whole = `defaults: { interval: 1s }\ndependencies:\n${many.join('')}`

describe('a text that is read in a thread', () => {
  test('is what it is without one', async () => {
    const here = createProblems()
    const tree = readYaml('f.yml', whole, here.report)
    const { outline, problems } = await read(whole)
    expect(problems).toEqual([])
    expect(outline).toEqual(tree && copied(outlineOf(tree, here.report)))
  })

  test('has its problems, and what is readable', async () => {
    const { outline, problems } = await read('dependencies:\n  a: tcp://a:1\n  b: { <<: x }\n')
    expect(problems).toEqual([
      expect.stringMatching(/^f\.yml:3:8: dependencies\.b\."<<": merge keys are not supported/),
    ])
    expect(outline?.count).toBe(2)
    expect(await read('a: [')).toMatchObject({ outline: undefined, problems: [expect.any(String)] })
  })

  test('is given up when it takes too long', async () => {
    const { outline, problems } = await read(whole, { timeMs: 1, memoryMiB: 512 })
    expect(outline).toBeUndefined()
    expect(problems).toEqual(['f.yml:1:1: takes more than 0.001 s to read'])
  })

  test('is given up when it takes too much memory', async () => {
    const { outline, problems } = await read(whole.repeat(10), { timeMs: 60_000, memoryMiB: 12 })
    expect(outline).toBeUndefined()
    expect(problems).toEqual(['f.yml:1:1: takes more than 12 MiB of memory to read'])
  })

  test('leaves no thread behind, not even when its reader fails', async () => {
    const failing = async () => Promise.reject(new Error('no'))
    await expect(readInThread('f.yml', whole, () => {}, failing)).rejects.toThrow('no')
    const ports = process.getActiveResourcesInfo().filter(name => /Worker|MessagePort/.test(name))
    await read(whole)
    expect(process.getActiveResourcesInfo().filter(name => /Worker|MessagePort/.test(name))).toEqual(ports)
  })
})

test('a dependency with too many values is left out, and so is everything else with too many', async () => {
  const list = `[${Array(2_000).fill('1').join(', ')}]`
  expect(await read(`dependencies:\n  a: { b: ${list} }\n  c: tcp://a:1\n`)).toMatchObject({
    problems: ['f.yml:2:3: dependencies.a: holds more than 2000 values'],
    outline: { count: 1 },
  })
  expect(await read(`server: { allow: ${list} }\ndependencies: { c: "tcp://a:1" }\n`)).toMatchObject({
    problems: ['f.yml:2:1: holds more than 2000 values'],
    outline: { count: 0 },
  })
})
