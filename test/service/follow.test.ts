/** Secret files that change while they are followed. Each look at them is counted, so nothing waits for luck. */
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { stampOf } from '../../src/config/text.ts'
import { type FollowOptions, followFiles } from '../../src/service/follow.ts'
import { until } from '../support/net.ts'

interface Script {
  /** Called at the beginning of each look, with its number. */
  readonly look?: (number: number) => void
  /** Called at each reading. What it throws refuses the files. */
  readonly read?: () => void
}

async function follow(script: Script = {}, times: Partial<FollowOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-follow-'))
  const files = ['one', 'two'].map(name => join(folder, name))
  for (const file of files) writeFileSync(file, 'first')
  const read = () => Promise.all(files.map(async file => ({ file, stamp: await stampOf(file) })))
  let inUse = await read()
  const seen = { looks: 0, reads: 0, warned: [] as unknown[] }
  const following = followFiles({
    files() {
      seen.looks++
      script.look?.(seen.looks)
      return inUse
    },
    async reread() {
      seen.reads++
      script.read?.()
      inUse = await read()
    },
    refused: file => void seen.warned.push(file),
    everyMs: 2,
    settleMs: 2,
    ...times,
  })
  onTestFinished(() => {
    following.stop()
    rmSync(folder, { recursive: true })
  })
  const [one = '', two = ''] = files
  /** Resolves after so many further looks. `files` is called again once files were read or refused. */
  const looks = (count: number) => {
    const end = seen.looks + count
    return until(() => seen.looks >= end, `${count} looks`)
  }
  return { following, seen, looks, one, two }
}

test('unchanged files are not read', async () => {
  const { following, seen, looks } = await follow()
  following.start()
  await looks(5)
  expect([seen.reads, following.unusable()]).toEqual([0, 0])
})

test('a changed file is read once, when two looks have found the same', async () => {
  let path = ''
  const readsAt: number[] = []
  const { following, seen, looks, one } = await follow({
    look: number => {
      if (number > 1 && number < 5) writeFileSync(path, 'x'.repeat(number))
      readsAt[number] = seen?.reads ?? 0
    },
  })
  path = one
  following.start()
  await looks(12)
  expect(readsAt.slice(1, 6)).toEqual([0, 0, 0, 0, 0])
  expect([seen.reads, following.unusable(), seen.warned]).toEqual([1, 0, []])
})

test('no file is read while another one is still changing', async () => {
  let path = ''
  const readsAt: number[] = []
  const { following, seen, looks, one, two } = await follow({
    look: number => {
      if (number > 1 && number < 5) writeFileSync(path, 'x'.repeat(number))
      readsAt[number] = seen?.reads ?? 0
    },
  })
  path = two
  writeFileSync(one, 'second')
  following.start()
  await looks(12)
  expect(readsAt.slice(1, 6)).toEqual([0, 0, 0, 0, 0])
  expect([seen.reads, following.unusable(), seen.warned]).toEqual([1, 0, []])
})

test('a change is waited for no longer than the time between two looks', async () => {
  const { following, seen, one } = await follow({}, { settleMs: 3_600_000 })
  writeFileSync(one, 'second')
  following.start()
  await until(() => seen.reads === 1, 'read')
})

test.each([
  ['missing', unlinkSync],
  ['empty', (file: string) => writeFileSync(file, '')],
])('a file that is %s is not read; it is warned of once, and the other is followed', async (_, spoil) => {
  const { following, seen, looks, one, two } = await follow()
  spoil(one)
  following.start()
  await until(() => following.unusable() === 1, 'unusable')
  await looks(5)
  expect([seen.reads, seen.warned]).toEqual([0, [one]])
  writeFileSync(one, 'back')
  await until(() => following.unusable() === 0, 'usable again')
  expect([seen.reads, seen.warned]).toEqual([1, [one]])
  writeFileSync(two, 'second')
  await until(() => seen.reads === 2, 'the other is read')
})

test('a file that is refused is tried again only when it changes again, and warned of again then', async () => {
  const script = {
    read: () => {
      throw new Error('refused')
    },
  }
  const { following, seen, looks, one } = await follow(script)
  writeFileSync(one, 'second')
  following.start()
  await until(() => following.unusable() === 1, 'refused')
  await looks(5)
  expect([seen.reads, seen.warned]).toEqual([1, [one]])
  writeFileSync(one, 'third time')
  await until(() => seen.warned.length === 2, 'refused again')
  await looks(5)
  expect([seen.reads, seen.warned, following.unusable()]).toEqual([2, [one, one], 1])
})

test('nothing is looked at before the start, and nothing is read or looked at after the end', async () => {
  const ended = await follow({ look: number => number === 2 && ended.following.stop() })
  writeFileSync(ended.one, 'second')
  const witness = await follow()
  witness.following.start()
  await witness.looks(5)
  expect(ended.seen.looks).toBe(0)
  ended.following.start()
  await until(() => ended.seen.looks === 2, 'the second look')
  await witness.looks(20)
  expect(ended.seen).toEqual({ looks: 2, reads: 0, warned: [] })
})
