/** What the README tells a newcomer to do, done: the quick start, and the embedding example. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closedPort, until } from '../support/net.ts'
import { blocksOf, root } from './documents.ts'

const readme = blocksOf('README.md')
const started: ChildProcess[] = []
afterAll(async () => {
  for (const child of started) await ended(child)
})

/** Starts a program of the README in a group of its own, since npm runs it below a shell. */
function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'ignore',
    detached: true,
  })
  started.push(child)
  return child
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  process.kill(-child.pid, 'SIGTERM')
  await exit
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  )
}

describe('the quick start', () => {
  const consoleBlocks = blocksOf('README.md').filter(({ section }) => section === 'Quick start')
  const shown = consoleBlocks
    .filter(({ language }) => language === 'console')
    .flatMap(({ text }) => text.split(/^\$ /m).slice(1))
    .map(step => ({
      command: step.split('\n')[0] ?? '',
      output: step.split('\n').slice(1).join('\n').trim(),
    }))
  let origin = ''

  beforeAll(async () => {
    const [port, database, redis] = [await closedPort(), await closedPort(), await closedPort()]
    origin = `http://127.0.0.1:${port}`
    const [command] = consoleBlocks.filter(({ language }) => language === 'sh')
    expect(command?.text).toBe('npm ci && npm start\n')
    start('npm', ['start'], {
      PULSECHECK_PORT: String(port),
      DATABASE_URL: `postgres://postgres@127.0.0.1:${database}/postgres`,
      REDIS_URL: `redis://127.0.0.1:${redis}`,
    })
    // npm may compile the program first.
    await until(() => answers(origin), 'it listens', 60_000)
    const checked = async () =>
      (await ask('curl -s localhost:9797/metrics | grep ^dependency_up')).split('\n')
    await until(async () => (await checked()).length === 3, 'all are checked')
  }, 90_000)

  test.each(shown)('$command', async ({ command, output }) => {
    expect(withoutCounts(await ask(command))).toBe(withoutCounts(output))
  })

  test('shows the readiness, the metrics and the failures', () => expect(shown).toHaveLength(3))

  test('the report of one dependency has the form that is shown', async () => {
    const [block] = consoleBlocks.filter(({ language }) => language === 'json')
    const { dependencies } = JSON.parse(await ask('curl -s localhost:9797/health'))
    expect(formOf(dependencies['orders-db'])).toEqual(formOf(JSON.parse(block?.text ?? '')))
  })

  /** What a curl of the README prints, piped through its greps. */
  async function ask(command: string): Promise<string> {
    const [curl = '', ...filters] = command.split(' | ')
    const [, path = ''] = /^curl -s '?localhost:9797([^']*)'?$/.exec(curl) ?? []
    const text = await (await fetch(origin + path)).text()
    const patterns = filters.map(filter => new RegExp(/^grep (\S+)$/.exec(filter)?.[1] ?? '(?!)'))
    const lines = text.trim().split('\n')
    return lines.filter(line => patterns.every(pattern => pattern.test(line))).join('\n')
  }
})

/** How often a check has failed by now is a matter of time. */
function withoutCounts(text: string): string {
  return text.replaceAll(/(_total\{.*\}) \d+$/gm, (_, series) => `${series} n`)
}

/** A value with its texts and numbers replaced by their types, but for those that say what is the case. */
function formOf(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map(item => formOf(item))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, formOf(inner, name)]))
  return ['kind', 'status', 'reason', 'detail', 'ok', 'critical', 'team'].includes(key) ? value : typeof value
}

describe('the embedding example', () => {
  const [example] = readme.filter(({ language }) => language === 'ts')
  let folder = ''

  beforeAll(() => {
    mkdirSync(join(root, 'tmp'), { recursive: true })
    folder = mkdtempSync(join(root, 'tmp/readme-'))
    const text = (example?.text ?? '').replace("'pulsecheck'", "'../../src/index.ts'")
    writeFileSync(join(folder, 'example.ts'), text)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('type-checks', { timeout: 120_000 }, () => {
    const config = { extends: '../../tsconfig.json', include: ['example.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
    expect(stdout).toBe('')
  })

  test('runs, and answers under its prefix and by its own route', async () => {
    const [port, database] = [await closedPort(), await closedPort()]
    const child = start(process.execPath, [join(folder, 'example.ts')], {
      PORT: String(port),
      DATABASE_URL: `postgres://app@127.0.0.1:${database}/orders`,
    })
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
    await until(() => answers(`http://127.0.0.1:${port}/`), 'it listens')
    expect((await get('/internal/healthz')).status).toBe(200)
    await until(
      async () => (await (await get('/internal/metrics')).text()).includes('\ndependency_up{'),
      'a check',
    )
    expect(await (await get('/internal/readyz')).json()).toMatchObject({ status: 'unavailable' })
    expect((await get('/orders')).status).toBe(503)
    await ended(child)
  })
})
