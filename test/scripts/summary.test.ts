/** The summary of a test run: what needed a second try is named, and the last line is the count. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { afterAll, expect, test } from 'vitest'
import { createVitest } from 'vitest/node'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-summary-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The summary of a real run of a test file, with one retry. */
async function summaryOf(text: string): Promise<readonly string[]> {
  const file = join(folder, 'tried.test.mjs')
  const report = join(folder, 'report.json')
  writeFileSync(file, text)
  const run = await createVitest('test', {
    root: folder,
    config: false,
    watch: false,
    globals: true,
    retry: 1,
    reporters: 'json',
    outputFile: report,
  })
  await run.start([file])
  await run.close()
  const printed = execFileSync(execPath, [join(root, 'scripts/summary.ts'), report], { cwd: folder })
  return printed.toString().trimEnd().split('\n')
}

test('names what passed only at a second try', async () => {
  const lines = await summaryOf(`
    let tries = 0
    test('steady', () => {})
    test('shaky', () => expect(++tries).toBe(2))
    test.skip('skipped', () => {})
  `)
  expect(lines).toEqual([
    'tests that needed a second try: 1',
    '  tried.test.mjs: shaky',
    expect.stringContaining('expected 1 to be 2'),
    '2 passed, 0 failed, 1 skipped',
  ])
})

test('says so when nothing did', async () => {
  expect(await summaryOf(`test('steady', () => {})`)).toEqual([
    'tests that needed a second try: 0',
    '1 passed, 0 failed, 0 skipped',
  ])
})
