import { describe, expect, test } from 'vitest'
import { CheckError, type Checker } from '../../src/model/dependency.ts'
import { createStalls } from '../../src/schedule/clock.ts'
import { run } from '../../src/schedule/run.ts'
import { createFakeClock } from '../support/clock.ts'
import { deferred } from '../support/dependency.ts'

const timeoutMs = 3_000
const resolve = async () => []

function start(check: Checker['check'], redact = (text: string) => text) {
  const clock = createFakeClock()
  const stalls = createStalls(clock)
  stalls.start()
  return { clock, ...run({ check }, { timeoutMs, redact, clock, stalls, resolve }) }
}

describe('a check', () => {
  test('that resolves is ok, with its duration, phases and measurements', async () => {
    const { promise, resolve } = deferred()
    const { clock, outcome } = start(async context => {
      context.enter('connect')
      context.measure('early', 1)
      await promise
      context.measure('late', 2)
    })
    await clock.advance(20)
    resolve()
    expect(await outcome).toEqual({
      ok: true,
      at: clock.wall(),
      monotonicAt: clock.now(),
      durationMs: 20,
      phases: { connect: 20 },
      measurements: { early: 1, late: 2 },
    })
  })

  test('sums up a phase that it enters more than once', async () => {
    const { promise, resolve } = deferred()
    const { clock, outcome } = start(async context => {
      await undefined
      for (const [phase, ms] of [
        ['request', 20],
        ['transfer', 5],
        ['request', 30],
        ['transfer', 7],
      ] as const) {
        context.enter(phase)
        await new Promise<void>(next => clock.at(clock.now() + ms, next))
      }
      await promise
    })
    await clock.advance(100)
    resolve()
    expect(await outcome).toMatchObject({ phases: { request: 50, transfer: 50 } })
  })

  test('that throws keeps what it measured before, and says it in one line without secrets', async () => {
    const { outcome } = start(
      async context => {
        context.measure('tls_not_after_timestamp_seconds', 7)
        throw new CheckError('auth_error', 'WRONGPASS', 'hunter22\n\u001b[31mrefused\u2028now')
      },
      text => text.replaceAll('hunter22', '<secret>'),
    )
    expect(await outcome).toMatchObject({
      ok: false,
      reason: 'auth_error',
      detail: 'WRONGPASS',
      message: '<secret> [31mrefused now',
      measurements: { tls_not_after_timestamp_seconds: 7 },
    })
  })

  test.each([
    [500, 'x'.repeat(500)],
    [501, `${'x'.repeat(499)}…`],
    [9_999, `${'x'.repeat(499)}…`],
  ])('has a message of at most 500 characters: of %i', async (length, expected) => {
    const { outcome } = start(async () => {
      throw new CheckError('unhealthy', 'odd', 'x'.repeat(length))
    })
    expect(await outcome).toMatchObject({ message: expected })
  })

  test('has a message that is well-formed Unicode', async () => {
    const { outcome } = start(async () => {
      throw new CheckError('unhealthy', 'odd', '  half \ud83d a pair ')
    })
    expect(await outcome).toMatchObject({ message: 'half \ufffd a pair' })
  })

  test('that is given up counts nothing, and is told so', async () => {
    let reason: unknown
    const { outcome, settled, abort } = start(
      ({ signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            reason = signal.reason
            reject(signal.reason)
          }),
        ),
    )
    abort()
    abort()
    expect(await outcome).toEqual({ skipped: 'overload', count: 0 })
    await settled
    expect(String(reason)).toBe('Error: the check is over')
  })

  test('that presumes a failure has it in place of a timeout, and can take it back', async () => {
    const mismatch = new CheckError('unhealthy', 'body_mismatch', 'another banner')
    const presuming = start(context => {
      context.presume(mismatch)
      return new Promise(() => {})
    })
    await presuming.clock.advance(timeoutMs)
    expect(await presuming.outcome).toMatchObject({
      reason: 'unhealthy',
      detail: 'body_mismatch',
      message: 'another banner',
      durationMs: timeoutMs,
    })
    const relenting = start(context => {
      context.presume(mismatch)
      context.presume(undefined)
      return new Promise(() => {})
    })
    await relenting.clock.advance(timeoutMs)
    expect(await relenting.outcome).toMatchObject({ reason: 'timeout', detail: 'timeout' })
  })

  test('that hits a limit on the server side is observed at the timeout as well', async () => {
    const { outcome } = start(async () => {
      throw new CheckError('timeout', '57014', 'canceling statement due to statement timeout')
    })
    expect(await outcome).toMatchObject({ reason: 'timeout', detail: '57014', durationMs: timeoutMs })
  })

  test('that throws before its first await is a failure like any other', async () => {
    const { outcome } = start(() => {
      throw new TypeError('a bug')
    })
    expect(await outcome).toMatchObject({
      ok: false,
      reason: 'error',
      detail: 'internal_error',
      message: 'a bug',
    })
  })

  test('that ran out of our own descriptors says nothing about the dependency', async () => {
    const { outcome } = start(async () => {
      throw Object.assign(new Error('socket'), { code: 'EMFILE' })
    })
    expect(await outcome).toEqual({ skipped: 'overload', count: 1 })
  })

  test('leaves no timer, whichever way it ends', async () => {
    for (const check of [async () => {}, async () => Promise.reject(new Error('no'))]) {
      const { clock, outcome } = start(check)
      await outcome
      expect(clock.pending).toBe(1) // the stall meter's beat
    }
  })

  test('is aborted when it has ended, so that whatever it left open goes', async () => {
    let signal: AbortSignal | undefined
    const { outcome } = start(async context => {
      signal = context.signal
    })
    await outcome
    expect(signal?.aborted).toBe(true)
  })
})

describe('the deadline', () => {
  const hang: Checker['check'] = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

  test('gives a timeout observed at the timeout, and aborts', async () => {
    const { clock, outcome, settled } = start(hang)
    await clock.advance(timeoutMs)
    expect(await outcome).toMatchObject({
      ok: false,
      reason: 'timeout',
      detail: 'timeout',
      durationMs: timeoutMs,
    })
    await settled
  })

  test('in phase dns or connect is told from a slow server', async () => {
    for (const [phase, reason, detail] of [
      ['dns', 'dns_error', 'dns_timeout'],
      ['connect', 'connection_error', 'connect_timeout'],
      ['auth', 'timeout', 'timeout'],
    ] as const) {
      const { clock, outcome } = start(context => {
        context.enter(phase)
        return hang(context)
      })
      await clock.advance(timeoutMs)
      expect(await outcome).toMatchObject({ reason, detail })
    }
  })

  test('reports a checker that ignores its abort on time, and says when it has come back', async () => {
    const { promise, resolve } = deferred()
    const { clock, outcome, settled } = start(() => promise)
    await clock.advance(timeoutMs)
    expect(await outcome).toMatchObject({ ok: false, reason: 'timeout' })
    let back = false
    settled.then(() => {
      back = true
    })
    await clock.advance(60_000)
    expect(back).toBe(false)
    resolve()
    await clock.advance(0)
    expect(back).toBe(true)
  })

  test('leaves the loop one turn to read its sockets: an answer that waits there counts', async () => {
    const { promise, resolve } = deferred()
    const fake = createFakeClock()
    const turn = () => {
      resolve()
      return fake.turn()
    }
    const clock = { ...fake, turn }
    const { outcome } = run(
      { check: () => promise },
      { timeoutMs, redact: text => text, clock, stalls: createStalls(fake), resolve: async () => [] },
    )
    await fake.advance(timeoutMs)
    expect(await outcome).toMatchObject({ ok: true, durationMs: timeoutMs })
  })

  test('lets an answer that waits behind a stall count', async () => {
    const { promise, resolve } = deferred()
    const { clock, outcome } = start(() => promise)
    setImmediate(() => setImmediate(() => resolve()))
    await clock.stall(timeoutMs + 500)
    expect(await outcome).toMatchObject({ ok: true })
  })

  test('moves on by what a stall took', async () => {
    const { promise, resolve } = deferred()
    const { clock, outcome } = start(() => promise)
    await clock.advance(1_000)
    await clock.stall(2_500)
    await clock.advance(1_000)
    resolve()
    expect(await outcome).toMatchObject({ ok: true })
  })

  test('still comes after a stall, when the loop has turned for the whole timeout', async () => {
    const { clock, outcome } = start(hang)
    await clock.advance(1_000)
    await clock.stall(2_500)
    await clock.advance(timeoutMs)
    expect(await outcome).toMatchObject({ ok: false, reason: 'timeout', durationMs: timeoutMs })
  })

  test('forgives only what stalled after the check began', async () => {
    const clock = createFakeClock()
    const stalls = createStalls(clock)
    stalls.start()
    await clock.stall(10_000)
    const { outcome } = run({ check: hang }, { timeoutMs, redact: text => text, clock, stalls, resolve })
    await clock.advance(timeoutMs)
    expect(await outcome).toMatchObject({ ok: false, reason: 'timeout' })
  })

  test('skips the check when stalls took more than the timeout', async () => {
    const { clock, outcome } = start(hang)
    await clock.stall(2 * timeoutMs + 100)
    expect(await outcome).toEqual({ skipped: 'lag', count: 1 })
  })
})
