/** Stalls, suspensions, clocks. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Program } from '../../support/program.ts'
import { withinCgroup } from './cgroup.ts'
import { formatTotals, type OwnPart, readTotals, watchHealthy } from './play.ts'

const fakeClock = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'

export const time: OwnPart = {
  title: 'Time',
  plays: [
    {
      id: 'O10',
      fault: 'the process stands still for 3 s (SIGSTOP), five times',
      promise:
        'no check fails: answers that wait in the sockets count, and what fell into the stall is skipped',
      play: () => watchHealthy({}, async program => await freeze(program, 5, 3)),
    },
    {
      id: 'O11',
      fault: 'the process stands still for 20 s, as in a suspended machine',
      promise: 'no check fails; afterwards each dependency is checked once, spread, without catching up',
      play: () =>
        watchHealthy({}, async (program, target) => {
          await stop(program, 20)
          const before = target.accepted()
          await sleep(1_000)
          const burst = target.accepted() - before
          // Twenty dependencies at two checks a second, and one more each.
          assert.ok(burst <= 80, `${burst} checks in the first second`)
          return `${await expectUnharmed(program)}; ${burst} checks in the first second`
        }),
    },
    {
      id: 'O9',
      fault: 'the CPU is limited to 10 % for 10 s (cgroup)',
      promise:
        'no check fails; late ones are counted in `pulsecheck_scheduler_lag_seconds`, missed ones as skipped',
      play: () =>
        withinCgroup('cpu', async group =>
          watchHealthy({ inside: group.inside }, async program => {
            group.set('cpu.cfs_quota_us', 10_000)
            await sleep(10_000)
            group.set('cpu.cfs_quota_us', -1)
            return await expectUnharmed(program)
          }),
        ),
    },
    {
      id: 'O12',
      fault: 'the wall clock jumps: 1 h ahead, 1 h back, 10 years ahead, 10 years back (libfaketime)',
      promise: 'no check fails, none is missed and nothing goes stale; only the times that are shown move',
      play: jumpClock,
    },
  ],
  unplayed: [
    {
      id: 'O13',
      fault: 'an uptime of more than 49 days',
      why: 'times are floating-point milliseconds of a monotonic clock, and timers are set for at most a few days',
    },
  ],
}

async function freeze(program: Program, times: number, seconds: number): Promise<string> {
  for (let i = 0; i < times; i++) {
    await sleep(500 * Math.random())
    await stop(program, seconds)
    await sleep(1_000)
  }
  return await expectUnharmed(program)
}

async function stop({ child }: Program, seconds: number): Promise<void> {
  child.kill('SIGSTOP')
  await sleep(1_000 * seconds)
  child.kill('SIGCONT')
}

/** No dependency was blamed. */
async function expectUnharmed(program: Program): Promise<string> {
  const seen = await readTotals(program)
  assert.equal(seen.failures, 0, `checks failed: ${formatTotals(seen)}`)
  assert.equal(seen.flips, 0, `the status changed: ${formatTotals(seen)}`)
  assert.equal((await program.get('/healthz')).status, 200, 'liveness failed')
  return formatTotals(seen)
}

async function jumpClock(): Promise<string> {
  assert.ok(existsSync(fakeClock), 'libfaketime is not installed')
  const clock = join('/tmp', `pulsecheck-clock-${process.pid}`)
  const set = (offset: string) => writeFileSync(clock, `${offset}\n`)
  set('+0')
  const env = {
    LD_PRELOAD: fakeClock,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
  return await watchHealthy({ env }, async program => {
    let moved = 0
    for (const offset of ['+1h', '-1h', '+10y', '-10y', '+0']) {
      set(offset)
      await sleep(2_000)
      const { at, status } = await program.health()
      assert.equal(status, 'ok', `after ${offset}`)
      if (Math.abs(Date.parse(at) - Date.now()) > 3_000_000) moved++
    }
    assert.equal(moved, 4, 'the clock did not move')
    const seen = await readTotals(program)
    assert.equal(seen.skipped, 0, formatTotals(seen))
    return `${await expectUnharmed(program)}`
  })
}
