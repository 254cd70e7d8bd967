/** What V8 is told: the young generation of a process that is as thrifty as the service, and when its code is optimized. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const module = JSON.stringify(join(import.meta.dirname, '../../src/cli/run.ts'))
/** Keeps some of much garbage alive, which makes V8 give the young generation more room. */
const busy = `
  const { saveMemory } = await import(${module})
  const { getHeapSpaceStatistics } = await import('node:v8')
  saveMemory()
  const kept = []
  for (let i = 0; i < 3_000_000; i++) kept[i % 100_000] = { text: 'a' + i }
  console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 2 ** 20)`

function youngMiB(env: Readonly<Record<string, string>> = {}): number {
  const args = ['--input-type=module', '-e', busy]
  return Number(execFileSync(process.execPath, args, { env: { PATH: process.env.PATH, ...env } }))
}

test('the young generation stays small, however busy the process is', () => {
  expect(youngMiB()).toBeLessThan(8)
})

test('the operator has the last word', () => {
  expect(youngMiB({ NODE_OPTIONS: '--max-semi-space-size=16' })).toBeGreaterThan(8)
})

test('no file of the system is asked: it may be missing, or one too many', () => {
  const script = `
    process.memoryUsage = () => { throw new Error('EMFILE: too many open files, uv_resident_set_memory') }
    ;(await import(${module})).saveMemory()
    console.log('saved')`
  expect(String(execFileSync(process.execPath, ['--input-type=module', '-e', script]))).toBe('saved\n')
})

test('V8 optimizes code only once the process is busy', () => {
  const script = `
    const { stopOptimizing } = await import(${module})
    const sum = n => { let all = 0; for (let i = 0; i < n; i++) all += i % 7; return all }
    const isOptimized = () => { sum(10_000); return (%GetOptimizationStatus(sum) & 16) !== 0 }
    stopOptimizing(20)
    for (let i = 0; i < 100; i++) isOptimized()
    console.log(isOptimized())
    while (!isOptimized()) await new Promise(setImmediate)
    console.log(isOptimized())`
  const args = ['--allow-natives-syntax', '--input-type=module', '-e', script]
  expect(String(execFileSync(process.execPath, args))).toBe('false\ntrue\n')
})
