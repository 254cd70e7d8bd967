/** The start: signals from the first line on, and compiled code that nobody else can plant. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { until } from '../support/net.ts'
import { launch, type ProgramOptions, type Running } from '../support/program.ts'

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

const isRoot = process.getuid?.() === 0
const config = { dependencies: { a: 'tcp://127.0.0.1:1' } }
const listen = ['--web.listen-address', '127.0.0.1:0']

function launched(options: ProgramOptions): Running {
  const running = launch(options)
  cleanUp.push(running.remove)
  return running
}

const hangup = 1
const hasStarted = ({ output }: Running) => output().stderr.includes('listening')

/** Whether the process has a handler for the signal: the kernel's word on how far the launcher has come. */
function handles(pid: number, signal: number): boolean {
  const mask = /^SigCgt:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n
}

/** Waits until the first lines of the launcher have run. */
async function launcherRuns(pid: number): Promise<void> {
  await until(() => handles(pid, hangup), 'the launcher handles signals')
}

describe('a signal during the start', { timeout: 120_000 }, () => {
  /**
   * A sweep from the first line to some time after the service has started, in milliseconds. The outcome is the same at
   * every moment, so a busy machine changes which moments are met, not the result.
   */
  const moments = Array.from({ length: 30 }, (_, i) => i * 15)
  const everyThird = moments.filter((_, i) => i % 3 === 0)

  test('SIGTERM and SIGINT end it at any moment, at once or in order', async () => {
    for (const [i, moment] of moments.entries()) {
      const [signal, code] = i % 2 === 0 ? (['SIGTERM', 143] as const) : (['SIGINT', 130] as const)
      const running = launched({ config, flags: listen })
      await launcherRuns(running.child.pid!)
      await sleep(moment)
      running.child.kill(signal)
      expect([0, code]).toContain(await running.ended)
    }
  })

  test('SIGHUP ends it at no moment', async () => {
    for (const moment of everyThird) {
      const running = launched({ config, flags: listen })
      await launcherRuns(running.child.pid!)
      await sleep(moment)
      running.child.kill('SIGHUP')
      await until(() => hasStarted(running), 'it starts all the same')
      running.child.kill('SIGTERM')
      expect(await running.ended).toBe(0)
    }
  })

  test('SIGHUP that came early reloads once it has started', async () => {
    const running = launched({ config, flags: listen })
    await launcherRuns(running.child.pid!)
    running.child.kill('SIGHUP')
    await until(() => running.output().stderr.includes('config reloaded'), 'it reloads')
  })

  test('SIGHUP ends other commands at any moment, as by default', async () => {
    for (const moment of everyThird) {
      const running = launched({ config, flags: ['wait', '--timeout', '1h'] })
      await launcherRuns(running.child.pid!)
      await sleep(moment)
      running.child.kill('SIGHUP')
      expect(await running.ended).toBe(129)
    }
  })

  test.runIf(isRoot)('SIGTERM ends a first process, at any moment', async () => {
    for (const moment of everyThird) {
      const running = launched({ config, flags: listen, inside: firstProcess })
      const pid = await childOf(running.child.pid!)
      cleanUp.push(async () => killed(pid))
      await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'unshare\n', 'unshare has made way')
      await launcherRuns(pid)
      await sleep(moment)
      process.kill(pid, 'SIGTERM')
      expect([0, 143]).toContain(await running.ended)
    }
  })

  test('is heard before anything is imported', async () => {
    expect(await signalledWhileImporting('SIGHUP')).toBe(0)
    expect(await signalledWhileImporting('SIGTERM')).toBe(143)
  })

  test.runIf(isRoot)('is heard by a first process before anything is imported', async () => {
    expect(await signalledWhileImporting('SIGTERM', firstProcess)).toBe(143)
  })
})

const firstProcess = ['unshare', '--fork', '--pid', '--mount-proc']

/** The exit code of the launcher with a program that sends the signal as soon as it is imported, and ends once it was heard. */
async function signalledWhileImporting(signal: string, inside: readonly string[] = []): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'pulsecheck-launcher-'))
  cleanUp.push(() => rm(folder, { recursive: true }))
  copyFileSync(join(import.meta.dirname, '../../src/bin.cts'), join(folder, 'bin.cts'))
  const program = `process.kill(process.pid, '${signal}')
export const main = early => early.hungUp() || setImmediate(main, early)
`
  writeFileSync(join(folder, 'cli.ts'), program)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const [command = '', ...args] = [...inside, process.execPath, join(folder, 'bin.cts')]
  const child = spawn(command, args, { env: { PATH: process.env.PATH }, stdio: 'ignore' })
  const [code, by] = await once(child, 'close')
  return code ?? 128 + constants.signals[by as NodeJS.Signals]
}

async function childOf(pid: number): Promise<number> {
  const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  await until(() => children() !== '', 'the child is there')
  return Number(children())
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

describe('the compile cache', () => {
  async function folder(): Promise<string> {
    const made = await mkdtemp(join(tmpdir(), 'pulsecheck-cache-'))
    cleanUp.push(() => rm(made, { recursive: true }))
    return made
  }

  /** Starts a short command, which must work wherever the cache is. */
  async function start(env: Record<string, string>, inside: readonly string[] = []): Promise<void> {
    const running = launched({ flags: ['validate'], config, env, inside })
    expect(await running.ended).toBe(0)
  }

  test('is in XDG_CACHE_HOME or below HOME, for our user alone', async () => {
    const home = await folder()
    await start({ XDG_CACHE_HOME: join(home, 'xdg') })
    await start({ HOME: home })
    for (const cache of [join(home, 'xdg/pulsecheck'), join(home, '.cache/pulsecheck')]) {
      expect(readdirSync(cache)).not.toEqual([])
      expect(statSync(cache).mode & 0o777).toBe(0o700)
    }
  })

  test('is never in the temporary directory', async () => {
    const temporary = await folder()
    await start({ TMPDIR: temporary, HOME: '' })
    await start({ TMPDIR: temporary, HOME: 'relative', XDG_CACHE_HOME: 'relative' })
    expect(readdirSync(temporary)).toEqual([])
  })

  test.each([
    ['others can write to', (cache: string) => chmodSync(cache, 0o777)],
    ['the group can write to', (cache: string) => chmodSync(cache, 0o770)],
    ['others can replace', (cache: string) => chmodSync(join(cache, '..'), 0o777)],
  ])('is not in a directory that %s', async (_, open) => {
    const home = await folder()
    const cache = join(home, 'pulsecheck')
    mkdirSync(cache, { mode: 0o700 })
    open(cache)
    await start({ XDG_CACHE_HOME: home })
    expect(readdirSync(cache)).toEqual([])
  })

  test('is not behind a link', async () => {
    const home = await folder()
    const elsewhere = await folder()
    symlinkSync(elsewhere, join(home, 'pulsecheck'))
    await start({ XDG_CACHE_HOME: home })
    expect(readdirSync(elsewhere)).toEqual([])
  })

  test.runIf(isRoot)('is not in a directory of another user', async () => {
    const home = await folder()
    const cache = join(home, 'pulsecheck')
    mkdirSync(cache, { mode: 0o700 })
    chownSync(cache, 65_534, 65_534)
    await start({ XDG_CACHE_HOME: home })
    expect(readdirSync(cache)).toEqual([])
  })

  test.runIf(isRoot)('is not below a directory of another user', async () => {
    const home = await folder()
    chownSync(home, 65_534, 65_534)
    await start({ XDG_CACHE_HOME: home })
    expect(readdirSync(join(home, 'pulsecheck'))).toEqual([])
  })

  test('is where the operator wants it', async () => {
    const home = await folder()
    await start({ XDG_CACHE_HOME: home, NODE_COMPILE_CACHE: join(home, 'chosen') })
    expect(readdirSync(home)).toEqual(['chosen'])
  })

  test('is none where nothing can be written', async () => {
    await start({ XDG_CACHE_HOME: '/proc/nowhere' })
    expect(existsSync('/proc/nowhere')).toBe(false)
  })
})
