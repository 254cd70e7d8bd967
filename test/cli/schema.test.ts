import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { kinds } from '../../src/kinds/index.ts'
import { closedPort } from '../support/net.ts'
import { result } from './commands.ts'

test('the JSON Schema of the config, of every kind', async () => {
  const { code, stdout, stderr } = await result({ flags: ['schema'] })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(configJsonSchema(kinds))))
  expect(JSON.parse(stdout).$schema).toBe('https://json-schema.org/draft/2020-12/schema')
})

test.each([[['schema']], [['--version']], [['--help']], [['validate']], [['init', '-']], [['check']]])(
  '%j on a full disk ends with 1 and one line',
  async flags => {
    const full = openSync('/dev/full', 'w')
    onTestFinished(() => closeSync(full))
    const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-full-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'err')
    const err = openSync(file, 'w')
    const port = await closedPort()
    const config = { dependencies: { a: { kind: 'tcp', host: '127.0.0.1', port, critical: false } } }
    const { code } = await result({ flags, config, stdio: ['ignore', full, err] })
    closeSync(err)
    expect([code, readFileSync(file, 'utf8')]).toEqual([
      1,
      'error: cannot write to standard output (ENOSPC)\n',
    ])
  },
)

test.each(['/healthz', '//a', 'metrics', '/a/../b'])('--web.telemetry-path %s is wrong usage', async path => {
  const config = { dependencies: { a: 'tcp://127.0.0.1:1' } }
  const { code, stderr } = await result({ flags: ['--web.telemetry-path', path], config })
  expect([code, stderr]).toEqual([2, expect.stringContaining(`error: --web.telemetry-path "${path}": `)])
})
