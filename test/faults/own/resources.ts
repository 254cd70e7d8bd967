/** Descriptors, memory, log, and what a container lacks. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StatusReport } from '../../../src/views/status.ts'
import { closedPort, serve, until } from '../../support/net.ts'
import { launch, type ProgramOptions, startProgram } from '../../support/program.ts'
import { withinCgroup } from './cgroup.ts'
import { configOf, formatTotals, type OwnPart, type OwnPlay, readTotals, watchHealthy } from './play.ts'

const mebibyte = 2 ** 20

export const resources: OwnPart = {
  title: 'Process and resources',
  plays: [
    {
      id: 'O6',
      fault: 'the log goes to a full disk (/dev/full)',
      promise: 'checks go on; SIGTERM still ends it in time, with 0 (O5)',
      play: fillLog,
    },
    {
      id: 'O6',
      fault: 'the reader of the log goes away (closed pipe)',
      promise: 'checks go on',
      play: () =>
        watchHealthy({ flags: ['--log.level', 'debug'] }, async program => {
          program.child.stderr?.destroy()
          await sleep(3_000)
          return await expectToGoOn(program)
        }),
    },
    {
      id: 'O7',
      fault: 'no file descriptor is left for 5 s (prlimit), with 60 connections at once',
      promise: 'no check fails: those that get no descriptor are skipped; it recovers by itself',
      play: takeDescriptors,
    },
    {
      id: 'O8',
      fault: '1,000 dependencies in 200 MB of memory (cgroup), scraped every 100 ms for 15 s',
      promise: 'it is not killed',
      play: limitMemory,
    },
    {
      id: 'O17',
      fault: '200 of 400 targets hang, with `maxConcurrentChecks: 50`, for 20 s',
      promise: 'the others are checked on time: none fails, none is skipped',
      play: hangMany,
    },
    playBug('an exception', 'throw new Error("a bug")'),
    playBug('a rejection', 'Promise.reject(new Error("a bug"))'),
    playContainer(
      'O19',
      'read-only root, uid 65534, no HOME, no /etc/hosts, no /proc',
      [
        'mount --make-rprivate /',
        'chmod 755 .',
        'mount --bind /dev/null /etc/hosts',
        'mount -t tmpfs none /proc',
        'mount -o remount,ro,bind /',
      ],
      'setpriv --reuid=65534 --regid=65534 --clear-groups env -u HOME',
    ),
    playUnusual('O20', 'standard input is closed', {
      inside: ['sh', '-c', 'exec "$@" <&-', 'sh'],
    }),
    playUnusual('O20', 'LANG=C, TZ=Pacific/Chatham, no HOME, NODE_OPTIONS=--max-http-header-size=9000', {
      env: { LANG: 'C', TZ: 'Pacific/Chatham', HOME: '', NODE_OPTIONS: '--max-http-header-size=9000' },
    }),
  ],
  unplayed: [
    {
      id: 'O14',
      fault: 'a checker throws at once, or never settles; a metric cannot be collected',
      why: 'a failure of that check alone, or of that family alone',
      heldBy: [
        'test/schedule/run.test.ts: that throws before its first await is a failure like any other',
        'test/schedule/run.test.ts: reports a checker that ignores its abort on time, and says when it has come back',
        'test/monitor/monitor.test.ts: one with a failing family still answers the others',
      ],
    },
    {
      id: 'O18',
      fault: 'the scheduler stands still, and HTTP answers',
      why: '`/healthz` is 503 after the longer of 30 s and three of the shortest intervals',
      heldBy: ['test/views/health.test.ts: liveness counts stalls since the last completed check only'],
    },
  ],
}

async function expectToGoOn(program: {
  health: Parameters<typeof readTotals>[0]['health']
}): Promise<string> {
  const before = await readTotals(program)
  await sleep(2_000)
  const after = await readTotals(program)
  assert.ok(after.checks >= before.checks + 40, `checks stopped: ${formatTotals(after)}`)
  assert.equal(after.failures, 0, formatTotals(after))
  assert.equal(after.flips, 0, formatTotals(after))
  return formatTotals(after)
}

async function fillLog(): Promise<string> {
  const target = await serve(socket => socket.write('hello\n'))
  const full = openSync('/dev/full', 'w')
  const listen = `127.0.0.1:${await closedPort()}`
  const running = launch({
    config: { ...configOf(target, 20), server: { listen: [listen] } },
    flags: ['--log.level', 'debug'],
    stdio: ['ignore', full, full],
  })
  closeSync(full)
  try {
    const health = async () => (await (await fetch(`http://${listen}/health`)).json()) as StatusReport
    await until(
      () =>
        health().then(
          ({ status }) => status === 'ok',
          () => false,
        ),
      'everything is up',
    )
    const seen = await expectToGoOn({ health })
    const from = performance.now()
    running.child.kill('SIGTERM')
    assert.equal(await running.ended, 0, 'exit code')
    return `${seen}; exit 0 within ${Math.round(performance.now() - from)} ms of SIGTERM`
  } finally {
    await running.remove()
    await target.close()
  }
}

async function takeDescriptors(): Promise<string> {
  const target = await serve(socket => {
    setTimeout(() => socket.write('hello\n'), 100)
  })
  const program = await startProgram({ config: configOf(target, 60) })
  try {
    await until(async () => (await program.get('/readyz')).status === 200, 'everything is up', 30_000)
    const pid = String(program.child.pid)
    const limit = (soft: number) =>
      execFileSync('prlimit', ['--pid', pid, `--nofile=${soft}:`], { stdio: 'ignore' })
    // Fewer than are open now: no further one can be opened.
    limit(readdirSync(`/proc/${pid}/fd`).length - 1)
    await sleep(5_000)
    limit(1_024)
    await until(async () => (await program.get('/readyz')).status === 200, 'everything is up again')
    const seen = await readTotals(program)
    assert.equal(seen.failures, 0, `checks failed: ${formatTotals(seen)}`)
    assert.ok(seen.skipped > 0, 'no check was skipped: the limit was not reached')
    assert.equal(program.child.exitCode, null, 'it ended')
    return formatTotals(seen)
  } finally {
    await program.remove()
    await target.close()
  }
}

async function limitMemory(): Promise<string> {
  const target = await serve(socket => socket.write('hello\n'))
  const config = configOf(target, 1_000, { interval: '5s', timeout: '2s', failureThreshold: 2 })
  try {
    return await withinCgroup('memory', async group => {
      group.set('memory.limit_in_bytes', 200 * mebibyte)
      const program = await startProgram({ config, inside: group.inside })
      try {
        for (let i = 0; i < 150; i++) {
          await program.get('/metrics')
          await sleep(100)
        }
        assert.equal(program.child.exitCode, null, 'it ended')
        assert.equal((await program.get('/healthz')).status, 200, 'it does not answer')
        const resident = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${program.child.pid}/status`, 'utf8'))
        return `at most ${Math.round(Number(resident?.[1]) / 1_024)} MB resident; the limit was reached ${group.get('memory.failcnt')} times`
      } finally {
        await program.remove()
      }
    })
  } finally {
    await target.close()
  }
}

async function hangMany(): Promise<string> {
  const [target, silent] = await Promise.all([serve(socket => socket.write('hello\n')), serve(() => {})])
  const { defaults, dependencies } = configOf(target, 200, { interval: '2s', timeout: '1s' })
  const hung = Object.entries(configOf(silent, 200).dependencies).map(([name, each]) => [
    `hung-${name}`,
    each,
  ])
  const config = {
    defaults,
    maxConcurrentChecks: 50,
    dependencies: { ...dependencies, ...Object.fromEntries(hung) },
  }
  const program = await startProgram({ config })
  try {
    await sleep(20_000)
    const report = await program.health()
    const healthy = Object.entries(report.dependencies).filter(([name]) => !name.startsWith('hung-'))
    const seen = await readTotals({
      health: async () => ({ ...report, dependencies: Object.fromEntries(healthy) }),
    })
    assert.equal(seen.failures + seen.skipped, 0, formatTotals(seen))
    assert.ok(seen.checks >= 1_800, `checks were late: ${formatTotals(seen)}`)
    return `of the others: ${formatTotals(seen)}`
  } finally {
    await program.remove()
    await Promise.all([target.close(), silent.close()])
  }
}

/** A bug of ours: what nobody catches. */
function playBug(what: string, code: string): OwnPlay {
  return {
    id: 'O15',
    fault: `${what} that nobody catches`,
    promise: 'it is logged once, and the process ends with 1, for its supervisor to start it anew',
    async play() {
      const program = await startProgram({
        config: { dependencies: { a: 'tcp://127.0.0.1:1' } },
        files: { 'bug.mjs': `process.on('SIGUSR2', () => { ${code} })` },
        env: { NODE_OPTIONS: '--import=./bug.mjs' },
      })
      try {
        program.child.kill('SIGUSR2')
        assert.equal(await Promise.race([program.ended, sleep(10_000, -1)]), 1, 'exit code')
        const said = program
          .output()
          .stderr.split('\n')
          .filter(line => line.includes('a bug'))
        assert.equal(said.length, 1, 'lines about it in the log')
        assert.match(said[0] ?? '', /level=error msg="internal error"/)
        return 'one line, `internal error`; exit 1'
      } finally {
        await program.remove()
      }
    },
  }
}

/** A start in a mount namespace that is prepared by shell commands, as root; then by way of a last command. */
function playContainer(id: string, fault: string, prepare: readonly string[], by: string): OwnPlay {
  const script = `${prepare.join(' && ')} && exec ${by} "$@"`
  return playUnusual(id, fault, { inside: ['unshare', '--mount', 'sh', '-c', script, 'sh'] })
}

/** A start like any other, in surroundings unlike any other. */
function playUnusual(id: string, fault: string, options: ProgramOptions): OwnPlay {
  return {
    id,
    fault,
    promise: 'it starts, checks, and ends in order',
    play: () =>
      watchHealthy(options, async program => {
        assert.equal((await program.get('/metrics')).status, 200, '/metrics')
        const seen = await expectToGoOn(program)
        program.child.kill('SIGTERM')
        assert.equal(await program.ended, 0, 'exit code')
        return `${seen}; exit 0`
      }),
  }
}
