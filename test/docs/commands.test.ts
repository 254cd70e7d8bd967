/** The commands of the documents, run in a shell as they stand there: what they print is what the documents show. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closedPort, until } from '../support/net.ts'
import { blocksOf, read, root } from './documents.ts'

const launcher = join(root, 'src/bin.cts')
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-commands-'))
const steps = blocksOf('docs/configuration.md')
  .filter(({ language }) => language === 'console')
  .flatMap(({ text }) => text.split(/^\$ /m).slice(1))
  .map(step => ({ command: step.split('\n')[0] ?? '', output: step.split('\n').slice(1).join('\n') }))

/** The ports of the example, and the ones in their place here. */
const ports = new Map<string, number>()
let service: ChildProcess

beforeAll(async () => {
  for (const port of ['9797', '5432', '6379']) ports.set(port, await closedPort())
  writeFileSync(join(folder, 'pulsecheck.yml'), here(read('pulsecheck.yml')))
  writeFileSync(join(folder, 'pulsecheck'), `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`)
  chmodSync(join(folder, 'pulsecheck'), 0o755)
  service = spawn(process.execPath, [launcher], { cwd: folder, env: {}, stdio: 'ignore' })
  const ready = () =>
    fetch(`http://127.0.0.1:${ports.get('9797')}/readyz`).then(({ status }) => status === 200)
  await until(() => ready().catch(() => false), 'the example is ready')
})
afterAll(async () => {
  const end = once(service, 'exit')
  service.kill()
  await end
  rmSync(folder, { recursive: true })
})

/** A text of the documents with the ports of this run, and back. */
function here(text: string): string {
  return [...ports].reduce((text, [port, mine]) => text.replaceAll(port, String(mine)), text)
}
function there(text: string): string {
  return [...ports].reduce((text, [port, mine]) => text.replaceAll(String(mine), port), text)
}

/** Without what differs from run to run: times, and the width of columns. */
function constant(text: string): string {
  const timeless = text
    .replaceAll(/\d+\.\d+ m?s\b/g, 'N s')
    .replaceAll(/(connect|request|transfer) \d+\.\d+/g, '$1 N')
  return timeless.replaceAll(/ {2,}/g, '  ').trim()
}

function shell(command: string, timeout = 15_000): string {
  const env = { PATH: `${folder}:${process.env.PATH}` }
  const { stdout } = spawnSync('sh', ['-c', `{ ${command}\n} 2>&1`], {
    cwd: folder,
    env,
    encoding: 'utf8',
    timeout,
  })
  return stdout
}

describe('docs/configuration.md', () => {
  test.each(steps)('$command', ({ command, output }) => {
    const printed = constant(there(shell(here(command)))).split('\n')
    const shown = constant(output).split('\n')
    // Checks run in parallel, so `wait` reports them in either order.
    const inAnyOrder = command.startsWith('pulsecheck wait')
    expect(inAnyOrder ? printed.toSorted() : printed).toEqual(inAnyOrder ? shown.toSorted() : shown)
  })

  test('shows every command that has an end of its own', () => {
    const shown = steps.map(({ command }) => /pulsecheck (\w+)/.exec(command)?.[1])
    expect([...new Set(shown)].toSorted()).toEqual([
      'check',
      'healthcheck',
      'init',
      'schema',
      'validate',
      'wait',
    ])
  })
})

test('the demo plays what the README shows', { timeout: 60_000 }, () => {
  const [block] = blocksOf('README.md').filter(
    ({ section, language }) => section === 'Demo' && language === 'text',
  )
  const printed = shell('pulsecheck demo --once --pace 300ms --web.listen-address 127.0.0.1:0', 50_000)
  // The verdict on all of them depends on what else fails at that moment, and slowness on the pace.
  const normalize = (line: string) => line.replace(/; \/readyz .*/, '').replace(/\d+ ms/, 'N ms')
  const played = printed.split('\n').map(line => normalize(line.replace(/^\d\d:\d\d:\d\d {2}/, '')))
  const shown = (block?.text ?? '').trimEnd().split('\n').map(normalize)
  expect(played).toEqual(expect.arrayContaining(shown))
  // Acts come in order; what one ends and the next begins shows in either order.
  const acts = shown.filter(line => !line.startsWith(' '))
  const places = acts.map(act => played.indexOf(act))
  expect(places).toEqual([...places].sort((a, b) => a - b))
})
