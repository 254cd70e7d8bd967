import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createFollower } from '../../src/service/web.ts'
import { until } from '../support/net.ts'

const root = mkdtempSync(join(tmpdir(), 'pulsecheck-follow-'))
afterAll(() => rmSync(root, { recursive: true }))

/** A follower of one file that looks when it is told to, and what it loaded and applied. */
function following(file: string, duringLoad = () => {}) {
  const applied: string[] = []
  let loads = 0
  const follower = createFollower({
    files: () => [file],
    load: async () => {
      loads++
      const text = await readFile(file, 'utf8').catch(error => error.code)
      duringLoad()
      return text
    },
    apply: text => void applied.push(text),
    everyMs: 3_600_000,
  })
  const settle = async () => {
    await follower.look()
    await follower.look()
  }
  return { follower, settle, applied, loads: () => loads }
}

test('content is read when a file changed and stood still for a look, and not otherwise', async () => {
  const file = join(root, 'plain')
  writeFileSync(file, 'one')
  const { follower, settle, applied, loads } = following(file)
  await settle()
  expect(applied).toEqual(['one'])
  await settle()
  await settle()
  expect(loads()).toBe(1)
  writeFileSync(file, 't')
  await follower.look()
  writeFileSync(file, 'two')
  await follower.look()
  expect(loads()).toBe(1)
  await follower.look()
  expect(applied).toEqual(['one', 'two'])
  rmSync(file)
  await settle()
  expect(applied).toEqual(['one', 'two', 'ENOENT'])
  writeFileSync(file, 'two')
  await settle()
  expect(applied.at(-1)).toBe('two')
  follower.stop()
})

test('what changed while it was read is read again, and the first reading is not applied', async () => {
  const file = join(root, 'moving')
  writeFileSync(file, 'half')
  let writes = 0
  const { follower, settle, applied } = following(file, () => {
    if (writes++ === 0) writeFileSync(file, 'whole')
  })
  await settle()
  expect(applied).toEqual([])
  await settle()
  expect(applied).toEqual(['whole'])
  follower.stop()
})

test('what is being read when it is stopped is not applied', async () => {
  const file = join(root, 'stopped')
  writeFileSync(file, 'one')
  const { follower, settle, applied, loads } = following(file, () => follower.stop())
  await settle()
  expect([loads(), applied]).toEqual([1, []])
})

test('a changed file is looked at again after the time in which it settles', async () => {
  const file = join(root, 'settling')
  writeFileSync(file, 'one')
  const start = (settleMs: number) => {
    let looks = 0
    const files = () => {
      looks++
      return [file, join(root, `${looks}`)]
    }
    const load = () => readFile(file, 'utf8')
    return {
      follower: createFollower({ files, load, apply: () => {}, everyMs: 1, settleMs }),
      looks: () => looks,
    }
  }
  const [patient, hasty] = [start(3_600_000), start(1)]
  await until(() => hasty.looks() >= 20, 'twenty looks')
  expect(patient.looks()).toBe(1)
  for (const { follower } of [patient, hasty]) follower.stop()
})

test('it looks no more once it is stopped, be it between two looks or within one', async () => {
  const start = (stopAt: number) => {
    let looks = 0
    const { stop } = createFollower({
      files: () => {
        if (++looks === stopAt) stop()
        return []
      },
      load: async () => '',
      apply: () => {},
      everyMs: 1,
      settleMs: 1,
    })
    return { stop, looks: () => looks }
  }
  const [within, between, other] = [start(1), start(Infinity), start(Infinity)]
  between.stop()
  await until(() => other.looks() >= 20, 'twenty looks of another')
  expect([within.looks(), between.looks()]).toEqual([1, 0])
  other.stop()
})

test("a swap of Kubernetes' ..data link is a change", async () => {
  const folder = join(root, 'mounted')
  const version = (name: string, text: string) => {
    mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, name, 'web.yml'), text)
    symlinkSync(name, join(folder, '..data.new'))
    renameSync(join(folder, '..data.new'), join(folder, '..data'))
  }
  version('..1', 'one')
  symlinkSync('..data/web.yml', join(folder, 'web.yml'))
  const { follower, settle, applied } = following(join(folder, 'web.yml'))
  await settle()
  version('..2', 'two')
  await settle()
  expect(applied).toEqual(['one', 'two'])
  follower.stop()
})

test('it looks by itself until it is stopped', async () => {
  const file = join(root, 'alone')
  writeFileSync(file, 'one')
  const applied: string[] = []
  const { stop } = createFollower({
    files: () => [file],
    load: () => readFile(file, 'utf8'),
    apply: text => void applied.push(text),
    everyMs: 1,
    settleMs: 1,
  })
  await until(() => applied.length === 1, 'the first reading')
  writeFileSync(file, 'other')
  await until(() => applied.at(-1) === 'other', 'the change is found')
  stop()
})
