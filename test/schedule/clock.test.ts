/** The process's own clock, against Node's. What depends on how fast timers fire is not looked at. */
import { connect, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createSystemClock } from '../../src/schedule/clock.ts'
import { listen } from '../support/net.ts'

describe("the system's clock", () => {
  const clock = createSystemClock()

  test('shows monotonic and wall time in milliseconds', () => {
    const [now, wall] = [performance.now(), Date.now()]
    expect(clock.now()).toBeGreaterThanOrEqual(now)
    expect(clock.now() - now).toBeLessThan(60_000)
    expect(clock.wall()).toBeGreaterThanOrEqual(wall)
    expect(clock.wall() - wall).toBeLessThan(60_000)
  })

  test('calls back once the time has come, and at once for a time that has passed', async () => {
    const start = clock.now()
    const called: string[] = []
    await new Promise<void>(resolve => {
      clock.at(start + 60, () => {
        called.push('future')
        resolve()
      })
      clock.at(start - 1_000, () => called.push('past'))
      called.push('now')
    })
    expect(called).toEqual(['now', 'past', 'future'])
    // Timers of Node fire up to a millisecond early.
    expect(clock.now() - start).toBeGreaterThan(58)
  })

  test('calls nobody who has cancelled, nor at once for a time that is months away', async () => {
    const called: string[] = []
    const cancels = [
      clock.at(clock.now() + 1, () => called.push('cancelled')),
      clock.at(clock.now() + 2 ** 31 + 1_000, () => called.push('far away')),
    ]
    cancels[0]?.()
    await new Promise<void>(resolve => clock.at(clock.now() + 30, resolve))
    expect(called).toEqual([])
    cancels[1]?.()
  })

  test('a turn reads what waits in a socket', async () => {
    const server = createServer(socket => socket.end('waits'))
    const port = await listen(server)
    const socket = connect(port, '127.0.0.1')
    let heard = ''
    socket.on('data', chunk => {
      heard += chunk
    })
    while (heard === '') await clock.turn()
    expect(heard).toBe('waits')
    await new Promise(resolve => server.close(resolve))
  })
})
