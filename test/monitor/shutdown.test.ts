/** The end of a process on SIGTERM, by signals that the test sends to its own process. */
import { expect, test, vi } from 'vitest'
import { shutdownOnSignal } from '../../src/monitor/shutdown.ts'

/** A signal that nothing else here listens for. */
const signal = 'SIGUSR2'

function play(delay: string, close = () => {}) {
  const calls: string[] = []
  const monitor = { drain: () => void calls.push('drain'), stop: async () => void calls.push('stop') }
  const shutdown = shutdownOnSignal(monitor, {
    delay,
    signals: [signal],
    close: () => {
      calls.push('close')
      close()
    },
  })
  return { calls, shutdown }
}

test('not ready, then closed, then stopped; a second signal finds nobody', async () => {
  const { calls, shutdown } = play('10ms')
  expect(process.listenerCount(signal)).toBe(1)
  process.emit(signal, signal)
  expect([calls, process.listenerCount(signal)]).toEqual([['drain'], 0])
  await shutdown.finished
  expect(calls).toEqual(['drain', 'close', 'stop'])
})

test('what close throws is told, after the monitor has stopped', async () => {
  const { calls, shutdown } = play('0', () => {
    throw new Error('cannot close')
  })
  process.emit(signal, signal)
  await expect(shutdown.finished).rejects.toThrow('cannot close')
  expect(calls).toEqual(['drain', 'close', 'stop'])
})

test('it is taken off again, and refuses a delay that is none', () => {
  const { shutdown } = play('5s')
  shutdown[Symbol.dispose]()
  expect(process.listenerCount(signal)).toBe(0)
  expect(() => play('five')).toThrow('delay: expected a duration with its unit, such as 5s')
  expect(process.listenerCount(signal)).toBe(0)
  vi.restoreAllMocks()
})
