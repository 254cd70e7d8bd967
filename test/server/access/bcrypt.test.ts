import { hashSync } from 'bcryptjs'
import { expect, test } from 'vitest'
import { createBcrypt } from '../../../src/server/access/bcrypt.ts'

test('comparisons leave the event loop free', async () => {
  const bcrypt = createBcrypt()
  const hash = hashSync('right', 11)
  const answers = Promise.all(['right', 'wrong'].map(password => bcrypt.matches(password, [hash])))
  let turns = 0
  const counting = setInterval(() => turns++, 1)
  expect(await answers).toEqual([[true], [false]])
  clearInterval(counting)
  expect(turns).toBeGreaterThan(10)
  await bcrypt.close()
})

test('a closed thread rejects what waits, and a later comparison starts another', async () => {
  const bcrypt = createBcrypt()
  const hash = hashSync('right', 4)
  const waiting = bcrypt.matches('right', [hashSync('x', 4)])
  const rejected = expect(waiting).rejects.toThrow('the bcrypt thread has ended')
  await bcrypt.close()
  await rejected
  expect(await bcrypt.matches('right', [hashSync('x', 4), hash])).toEqual([false, true])
  await bcrypt.close()
  await bcrypt.close()
})

test('a thread that fails rejects with its error, and does not take the next one with it', async () => {
  const bcrypt = createBcrypt()
  const hash = hashSync('right', 4)
  const unfit = undefined as unknown as string
  const [failed, waiting] = [bcrypt.matches('right', [unfit]), bcrypt.matches('right', [hash])]
  const next = failed.catch(() => bcrypt.matches('right', [hash]))
  await expect(failed).rejects.toThrow('Illegal arguments')
  await expect(waiting).rejects.toThrow('Illegal arguments')
  expect(await next).toEqual([true])
  await bcrypt.close()
})
