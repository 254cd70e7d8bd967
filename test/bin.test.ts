/** The launcher, before it loads anything. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('a Node.js that is too old is named, before anything fails', () => {
  const launcher = join(import.meta.dirname, '../src/bin.cts')
  const asOlder = 'data:text/javascript,delete Promise.withResolvers'
  const args = ['--import', asOlder, launcher, '--version']
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect([status, stderr]).toEqual([1, `pulsecheck needs Node.js 22 or later; this is ${process.version}\n`])
})
