import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createWork } from '../../../src/server/http/work.ts'

const always = () => true

/** Jobs that run until they are told to end, and the order in which they began. */
function jobs() {
  const began: string[] = []
  const ends = new Map<string, () => void>()
  const job = (name: string) => () => {
    began.push(name)
    return new Promise<string>(resolve => ends.set(name, () => resolve(name)))
  }
  const end = async (name: string) => {
    ends.get(name)?.()
    await turn()
  }
  return { began, job, end }
}

test('clients take turns, whoever came first', async () => {
  const work = createWork({ atOnce: 1, waiting: 10, waitMs: 60_000 })
  const { began, job, end } = jobs()
  const all = [
    ['a', 'a1'],
    ['a', 'a2'],
    ['a', 'a3'],
    ['b', 'b1'],
    ['c', 'c1'],
  ].map(([client = '', name = '']) => work.run(client, always, job(name)))
  for (const name of ['a1', 'a2', 'b1', 'c1', 'a3']) {
    await turn()
    expect(began.at(-1)).toBe(name)
    await end(name)
  }
  expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'b1', 'c1'])
})

test('a place is taken until the job ends, even if nobody wants it any more', async () => {
  const work = createWork({ atOnce: 1, waiting: 10, waitMs: 60_000 })
  const { began, job, end } = jobs()
  let isWanted = true
  const first = work.run('a', () => isWanted, job('first'))
  const second = work.run('b', always, job('second'))
  await turn()
  isWanted = false
  await turn()
  expect(began).toEqual(['first'])
  await end('first')
  expect(began).toEqual(['first', 'second'])
  await end('second')
  expect(await Promise.all([first, second])).toEqual(['first', 'second'])
})

test('what nobody wants any more never begins, and takes no place in the queue', async () => {
  const work = createWork({ atOnce: 1, waiting: 1, waitMs: 60_000 })
  const { began, job, end } = jobs()
  const first = work.run('a', always, job('first'))
  await turn()
  let isWanted = true
  const left = work.run('a', () => isWanted, job('left'))
  isWanted = false
  const third = work.run('a', always, job('third'))
  await turn()
  await end('first')
  await end('third')
  expect(await Promise.all([first, left, third])).toEqual(['first', undefined, 'third'])
  expect(began).toEqual(['first', 'third'])
})

test('where too many wait, the latest goes of the client that has the most', async () => {
  const work = createWork({ atOnce: 1, waiting: 2, waitMs: 60_000 })
  const { job, end } = jobs()
  const outcomes = ['x', 'a', 'a', 'b'].map((client, i) => work.run(client, always, job(`${client}${i}`)))
  await turn()
  for (const name of ['x0', 'a1', 'b3']) await end(name)
  expect(await Promise.all(outcomes)).toEqual(['x0', 'a1', undefined, 'b3'])
})

test('nobody waits longer than the limit', async () => {
  const work = createWork({ atOnce: 1, waiting: 2, waitMs: 5 })
  const { job, end } = jobs()
  const first = work.run('a', always, job('first'))
  expect(await work.run('b', always, job('second'))).toBeUndefined()
  await end('first')
  expect(await first).toBe('first')
})

test('a job that fails gives its place back', async () => {
  const work = createWork({ atOnce: 1, waiting: 2, waitMs: 60_000 })
  await expect(work.run('a', always, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await work.run('a', always, async () => 'next')).toBe('next')
})
