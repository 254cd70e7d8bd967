import { expect, test } from 'vitest'
import { coalesce, createSequence, forEachInSlices, share } from '../../src/model/turns.ts'
import { countInTurns } from '../support/turns.ts'

/** Work whose runs end when the test says so. */
function createWork() {
  const runs: PromiseWithResolvers<number>[] = []
  const run = () => {
    const next = Promise.withResolvers<number>()
    runs.push(next)
    return next.promise
  }
  const end = async (index: number) => {
    runs[index]!.resolve(index)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { run, runs, end }
}

test('shared: callers get the outcome of the run under way, and later ones of the next', async () => {
  const { run, runs, end } = createWork()
  const shared = share(run)
  const both = Promise.all([shared(), shared()])
  await end(0)
  const next = shared()
  await end(1)
  expect([await both, await next, runs.length]).toEqual([[0, 0], 1, 2])
})

test('coalesced: callers that come during a run share one more', async () => {
  const { run, runs, end } = createWork()
  const coalesced = coalesce(run)
  const calls = [coalesced(), coalesced(), coalesced()]
  await end(0)
  await end(1)
  expect([await Promise.all(calls), runs.length]).toEqual([[0, 1, 1], 2])
})

test('coalesced: the waiting run comes after a failed one, too', async () => {
  const { run, runs, end } = createWork()
  const coalesced = coalesce(run)
  const calls = [coalesced(), coalesced()]
  runs[0]!.reject(new Error('failed'))
  await expect(calls[0]).rejects.toThrow('failed')
  await end(1)
  expect(await calls[1]).toBe(1)
})

test('in sequence: each starts when the one before has settled', async () => {
  const { run, runs, end } = createWork()
  const inSequence = createSequence()
  const calls = [inSequence(run), inSequence(run)]
  await new Promise(resolve => setImmediate(resolve))
  expect(runs.length).toBe(1)
  runs[0]!.reject(new Error('failed'))
  await expect(calls[0]).rejects.toThrow('failed')
  await new Promise(resolve => setImmediate(resolve))
  await end(1)
  expect(await calls[1]).toBe(1)
})

test('in slices: each item in its order, and few between two turns', async () => {
  const { count, most } = countInTurns()
  const seen: number[] = []
  await forEachInSlices(Array(100).keys(), item => {
    seen.push(item)
    count()
  })
  expect(seen).toEqual([...Array(100).keys()])
  expect(most()).toBeLessThanOrEqual(3)
})
