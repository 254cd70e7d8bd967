/** What an application may rely on: nothing of its own is touched, and nothing is left. Rows E1 to E6 of the faults. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { check } from '../../src/monitor/check.ts'
import { createMonitor } from '../../src/monitor.ts'
import { createSystemClock } from '../../src/schedule/clock.ts'
import { createFakeClock } from '../support/clock.ts'
import { closedPort, serve } from '../support/net.ts'

const root = join(import.meta.dirname, '../..')

describe('a process with two monitors, from two copies of the package', () => {
  let folder: string
  let host: Record<'before' | 'during' | 'after' | 'seen' | 'left', unknown>
  let exit: unknown
  let complaints: string
  beforeAll(async () => {
    mkdirSync(join(root, 'tmp'), { recursive: true })
    folder = mkdtempSync(join(root, 'tmp/copies-'))
    const copies = ['one', 'other'].map(name => join(folder, name, 'src'))
    for (const copy of copies) cpSync(join(root, 'src'), copy, { recursive: true })
    for (const name of ['one', 'other'])
      cpSync(join(root, 'package.json'), join(folder, name, 'package.json'))
    const server = await serve(() => {})
    const ports = [server.port, await closedPort()].map(String)
    const args = [join(import.meta.dirname, 'host.ts'), ...ports, ...copies]
    const child = spawn(process.execPath, ['--trace-warnings', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(child, 'exit')
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    exit = await ended
    complaints = errors
    await server.close()
    host = JSON.parse(output)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('E1: both check, and each has its own results', () => {
    const expected = [
      ['works', 'up', null],
      ['refuses', 'down', 'ECONNREFUSED'],
      ['named', 'down', 'full'],
      ['silent', 'down', 'timeout'],
    ]
    expect(host.seen).toEqual([expected, expected])
  })

  test('E4: after the stop nothing is left, and the process ends by itself', () => {
    expect([exit, complaints]).toEqual([[0, null], ''])
    expect(host.left).toEqual([])
  })

  test('E6: no listener, variable, agent, registry or global of the process is another', () => {
    expect(host.during).toEqual(host.before)
    expect(host.after).toEqual(host.before)
  })
})

test('E2: timers and dates that the application replaces do not reach the clock', async () => {
  const clock = createSystemClock()
  vi.useFakeTimers()
  try {
    vi.setSystemTime(0)
    const startedAt = clock.now()
    await new Promise<void>(resolve => clock.at(startedAt + 20, resolve))
    expect(clock.now()).toBeGreaterThan(startedAt)
    expect(clock.wall()).toBeGreaterThan(Date.UTC(2020))
    await clock.turn()
  } finally {
    vi.useRealTimers()
  }
})

test('E3: whatever is called in whatever order, a stop leaves nothing, and a start checks', async () => {
  const call = fc.constantFrom('start', 'stop', 'drain', 'add', 'remove', 'apply', 'wait', 'pass')
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 12 }), async calls => {
      const clock = createFakeClock()
      const own = () => check(async () => {}, { interval: '10s', timeout: '1s' })
      const monitor = createMonitor({ clock, dependencies: { own: own() } })
      const pending: Promise<unknown>[] = []
      for (const each of calls) {
        if (each === 'add' && monitor.state.get('more') === undefined) monitor.add('more', own())
        else if (each === 'remove') monitor.remove('more')
        else if (each === 'apply') pending.push(monitor.apply({ own: own() }))
        else if (each === 'wait') pending.push(monitor.waitUntilReady().catch(() => {}))
        else if (each === 'pass') await clock.advance(3_000)
        else if (each !== 'add') pending.push(Promise.resolve(monitor[each]()))
      }
      pending.push(monitor.stop())
      await clock.advance(1_000)
      await Promise.all(pending)
      expect(clock.pending).toBe(0)
      monitor.start()
      await clock.advance(1_000)
      expect([monitor.ready(), monitor.probes.alive()]).toEqual([true, true])
      const stopped = monitor.stop()
      await clock.advance(1_000)
      await stopped
      expect(clock.pending).toBe(0)
    }),
    { numRuns: 100 },
  )
})
