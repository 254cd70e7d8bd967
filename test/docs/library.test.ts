/** The code of docs/library.md compiles, each block by itself. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { blocksOf, root } from './documents.ts'

const blocks = blocksOf('docs/library.md').filter(({ language }) => language === 'ts')
let folder = ''

beforeAll(() => {
  mkdirSync(join(root, 'tmp'), { recursive: true })
  folder = mkdtempSync(join(root, 'tmp/library-'))
  for (const { text, line } of blocks)
    writeFileSync(join(folder, `line-${line}.ts`), text.replace("'pulsecheck'", "'../../src/index.ts'"))
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts'] }),
  )
})
afterAll(() => rmSync(folder, { recursive: true }))

test('every block compiles', () => {
  expect(blocks.length).toBeGreaterThan(6)
  const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
  expect(stdout).toBe('')
})
