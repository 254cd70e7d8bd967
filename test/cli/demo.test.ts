import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { until } from '../support/net.ts'
import type { Running } from '../support/program.ts'
import { start } from './commands.ts'
import { onTerminal } from './terminal.ts'

const quick = ['demo', '--pace', '300ms', '--web.listen-address', '127.0.0.1:0']

/** A folder for temporary files that other users may pass through, since PostgreSQL does not run as root. */
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-demo-test-'))
  chmodSync(folder, 0o711)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Process {
  readonly pid: number
  readonly command: string
}

/** Processes whose arguments name the folder. */
function processesIn(folder: string): readonly Process[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => ({ pid: Number(name), command: commandOf(name) }))
    .filter(({ pid, command }) => pid !== process.pid && command.includes(folder))
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

interface Demo extends Running {
  readonly tmp: string
  said(text: string): Promise<void>
  /** `http://127.0.0.1:port`, once it is there. */
  url(): string
}

function startDemo(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Demo {
  const tmp = newFolder()
  const running = start({
    flags: [...quick, ...flags],
    env: { TMPDIR: tmp, NODE_DISABLE_COMPILE_CACHE: '1', ...env },
  })
  return {
    ...running,
    tmp,
    said: text => until(() => running.output().stdout.includes(text), `it says: ${text}`, 15_000),
    url: () => /http:\/\/127\.0\.0\.1:\d+(?=\/metrics)/.exec(running.output().stdout)?.[0] ?? '',
  }
}

async function nothingIsLeft({ tmp, url }: Demo): Promise<void> {
  expect(readdirSync(tmp)).toEqual([])
  expect(processesIn(tmp)).toEqual([])
  if (url() !== '') await expect(fetch(`${url()}/healthz`)).rejects.toThrow()
}

test('one round: each trouble shows in the state and in readiness, and all is well again', async () => {
  const demo = startDemo(['--once'])
  await demo.said('all is well')
  for (const path of ['/', '/metrics', '/health'])
    expect((await fetch(`${demo.url()}${path}`)).status).toBe(200)
  expect(await demo.ended).toBe(0)
  const { stdout, stderr } = demo.output()
  expect(stderr).toBe('')
  // What one act ends and the next begins comes in either order, so each is looked for by itself.
  // The verdict on all of them is not looked at: on a busy machine another may fail at the same moment.
  const acts = [
    ['Redis freezes (SIGSTOP)', /cache is down \(timeout\)/],
    ['the HTTP service becomes slow', /cache is up/, /payments is down \(timeout\)/],
    ['PostgreSQL refuses every login', /payments is up/, /orders-db is down \(auth_error\/28000\)/],
    ['all is well', /orders-db is up; \/readyz 200/],
  ] as const
  let rest = stdout.slice(stdout.indexOf('all is well') + 1)
  for (const [i, [act, ...shown]] of acts.entries()) {
    rest = rest.slice(rest.indexOf(act))
    const scene = rest.slice(0, rest.indexOf(acts[i + 1]?.[0] ?? 'The demo is over'))
    for (const line of shown) expect(scene).toMatch(line)
  }
  await nothingIsLeft(demo)
})

test('with Prometheus beside it, which evaluates the shipped rules', async () => {
  const demo = startDemo(['--prometheus'])
  await demo.said('all is well')
  const prometheus = /http:\/\/127\.0\.0\.1:\d+(?=\/alerts)/.exec(demo.output().stdout)?.[0] ?? ''
  const ask = async (path: string) => {
    const answer = await (await fetch(`${prometheus}/api/v1/${path}`)).json()
    return (answer as { data: { groups: { name: string }[]; result: unknown[] } }).data
  }
  const { groups } = await ask('rules')
  expect(groups.map(({ name }) => name)).toContain('pulsecheck-dependencies')
  const isUp = async () => (await ask('query?query=up{job="pulsecheck"} == 1')).result.length > 0
  await until(isUp, 'Prometheus scrapes the demo', 20_000)
  demo.child.kill('SIGTERM')
  expect(await demo.ended).toBe(0)
  await nothingIsLeft(demo)
  await expect(fetch(prometheus)).rejects.toThrow()
}, 60_000)

test('without Prometheus, it says how to install it', async () => {
  const demo = startDemo(['--prometheus', '--once'], { PATH: dirname(process.execPath) })
  await demo.said('no prometheus here: ')
  demo.child.kill('SIGTERM')
  expect(await demo.ended).toBe(0)
}, 60_000)

describe('the end leaves no process, no file and no port', () => {
  test('SIGTERM while Redis is frozen', async () => {
    const demo = startDemo()
    await demo.said('Redis freezes')
    demo.child.kill('SIGTERM')
    expect(await demo.ended).toBe(0)
    await nothingIsLeft(demo)
  })

  test('SIGHUP while it starts', async () => {
    const demo = startDemo()
    // PostgreSQL's folder is there, its server is not.
    await until(() => processesIn(demo.tmp).length > 0, 'a server starts')
    demo.child.kill('SIGHUP')
    expect(await demo.ended).toBe(0)
    expect(demo.output().stdout).not.toContain('all is well')
    await nothingIsLeft(demo)
  })

  test('a second signal ends it at once', async () => {
    const demo = startDemo()
    const initdb = () => processesIn(demo.tmp).find(({ command }) => command.includes('initdb'))
    await until(() => initdb() !== undefined, 'PostgreSQL is set up')
    // The end in order would wait for it.
    process.kill(initdb()?.pid ?? 0, 'SIGSTOP')
    demo.child.kill('SIGINT')
    await demo.said('Ending')
    demo.child.kill('SIGTERM')
    expect(await demo.ended).toBe(143)
    await until(() => processesIn(demo.tmp).length === 0, 'no process is left')
    expect(readdirSync(demo.tmp)).toEqual([])
  })

  test('Ctrl-C on a terminal', async () => {
    const tmp = newFolder()
    const { screen, type, ended } = onTerminal(quick, { TMPDIR: tmp, NODE_DISABLE_COMPILE_CACHE: '1' })
    await until(() => screen().includes('Redis freezes'), 'it plays', 15_000)
    type('\x03')
    expect(await ended).toBe(0)
    expect(screen()).toContain('left nothing behind')
    expect(readdirSync(tmp)).toEqual([])
    expect(processesIn(tmp)).toEqual([])
  })
})

test('a server that is not installed: its line says what would install it, and the rest plays', async () => {
  const bin = newFolder()
  symlinkSync(process.execPath, join(bin, 'node'))
  const demo = startDemo([], { PATH: bin })
  await demo.said('payments is down (timeout)')
  demo.child.kill('SIGINT')
  expect(await demo.ended).toBe(0)
  const { stdout } = demo.output()
  expect(stdout).toMatch(/^ {2}cache .* no redis-server here: apt-get install redis-server$/m)
  expect(stdout).toContain('all is well except cache')
  expect(stdout).toContain('cache is down (connection_error/ECONNREFUSED)')
  expect(stdout).not.toContain('Redis freezes')
  await nothingIsLeft(demo)
})
