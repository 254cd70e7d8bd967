/** Signals, at every moment; and starts that fail. */
import assert from 'node:assert/strict'
import { Agent, get } from 'node:http'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { closedPort, listen, serve, until } from '../../support/net.ts'
import { launch, startProgram } from '../../support/program.ts'
import { configOf, defaults, type OwnPart, watchHealthy } from './play.ts'

export const ending: OwnPart = {
  title: 'The start and the end',
  plays: [
    {
      id: 'O16',
      fault: 'a start that fails again and again: an invalid file, ten times',
      promise: 'exit 3 within 3 s, and nothing was asked: a supervisor that restarts it harms no dependency',
      play: restartInLoop,
    },
    {
      id: 'O16',
      fault: 'a start while the dependency is away, which comes later',
      promise:
        'not ready until the first check has succeeded; `/startupz` turns to 200 with it, `/healthz` is 200 throughout',
      play: startEarly,
    },
    {
      id: 'O1',
      fault: 'SIGTERM while 20 checks hang, ten times',
      promise: 'exit 0 within 10 s',
      play: () => timeEach(10, stopWhileHanging),
    },
    {
      id: 'O2',
      fault: 'a second SIGTERM during a `shutdownDelay` of 1 h, ten times',
      promise: 'exit 143 at once',
      play: () => timeEach(10, stopTwice),
    },
    {
      id: 'O3',
      fault: 'SIGTERM at thirty moments of the start, and during a reload',
      promise: 'exit 0 or 143, never a hang',
      play: stopDuringStart,
    },
    {
      id: 'O4',
      fault: 'SIGTERM while clients hold keep-alive connections, ten times',
      promise: 'exit 0 within 6 s; no client delays it',
      play: () => timeEach(10, stopWithKeepAlive),
    },
  ],
  unplayed: [
    {
      id: 'O5',
      fault: 'SIGTERM while the disk of the log is full',
      why: 'played as O6, in "Process and resources"',
    },
  ],
}

async function restartInLoop(): Promise<string> {
  const target = await serve(() => {})
  const config = { ...configOf(target, 20), defaults: { interval: '1s', timeout: '2s' } }
  try {
    const seen = await timeEach(10, async () => {
      const running = launch({ config })
      try {
        return await expectExit(3, running.ended, 3_000)
      } finally {
        await running.remove()
      }
    })
    assert.equal(target.accepted(), 0, 'dependencies were asked')
    return seen
  } finally {
    await target.close()
  }
}

async function startEarly(): Promise<string> {
  const port = await closedPort()
  const config = { defaults, dependencies: { late: `tcp://127.0.0.1:${port}` } }
  const program = await startProgram({ config })
  const server = createServer(socket => socket.on('error', () => {}).resume())
  const paths = ['/readyz', '/startupz', '/healthz']
  const statuses = async () => {
    const all = await Promise.all(paths.map(async path => (await program.get(path)).status))
    return all.join()
  }
  try {
    assert.equal(await statuses(), '503,503,200', 'before the first check')
    await until(async () => (await program.health()).dependencies.late?.status === 'down', 'it is down')
    assert.equal(await statuses(), '503,503,200', 'after the first check')
    await listen(server, port)
    await until(async () => (await statuses()) === '200,200,200', 'it is up')
    server.close()
    await until(async () => (await statuses()) === '503,200,200', 'it is down again')
    return `${paths.map(path => `\`${path}\``).join(', ')}: 503, 503, 200 at first; 200 each once it was there; 503, 200, 200 when it was gone again`
  } finally {
    await program.remove()
    server.close()
  }
}

/** Plays it several times, and tells how long the slowest end took. */
async function timeEach(times: number, play: () => Promise<number>): Promise<string> {
  const took: number[] = []
  for (let i = 0; i < times; i++) took.push(await play())
  return `${times} of ${times}; the slowest took ${Math.round(Math.max(...took))} ms`
}

/** Milliseconds from now until the process has ended with the code. */
async function expectExit(code: number, ended: Promise<number>, withinMs: number): Promise<number> {
  const from = performance.now()
  assert.equal(await ended, code, 'exit code')
  const tookMs = performance.now() - from
  assert.ok(tookMs < withinMs, `it took ${Math.round(tookMs)} ms`)
  return tookMs
}

async function stopWhileHanging(): Promise<number> {
  const silent = await serve(() => {})
  const program = await startProgram({ config: configOf(silent, 20, { interval: '10s', timeout: '5s' }) })
  try {
    await until(() => silent.open.size === 20, 'all checks hang')
    program.child.kill('SIGTERM')
    return await expectExit(0, program.ended, 10_000)
  } finally {
    await program.remove()
    await silent.close()
  }
}

async function stopTwice(): Promise<number> {
  const config = { dependencies: { a: 'tcp://127.0.0.1:1' }, server: { shutdownDelay: '1h' } }
  const program = await startProgram({ config })
  try {
    program.child.kill('SIGTERM')
    await until(() => program.output().stderr.includes('stopping'), 'it stops')
    program.child.kill('SIGTERM')
    return await expectExit(143, program.ended, 1_000)
  } finally {
    await program.remove()
  }
}

async function stopWithKeepAlive(): Promise<number> {
  return await watchHealthy({}, async program => {
    const agent = new Agent({ keepAlive: true })
    await Promise.all(Array.from({ length: 10 }, () => read(`${program.url}/metrics`, agent)))
    program.child.kill('SIGTERM')
    try {
      return await expectExit(0, program.ended, 6_000)
    } finally {
      agent.destroy()
    }
  })
}

function read(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, response => void response.resume().once('end', () => resolve())).once('error', reject)
  })
}

async function stopDuringStart(): Promise<string> {
  const codes = new Map<number, number>()
  const count = (code: number) => codes.set(code, (codes.get(code) ?? 0) + 1)
  const flags = ['--web.listen-address', '127.0.0.1:0']
  for (let i = 0; i < 30; i++) {
    const running = launch({ config: { dependencies: { a: 'tcp://127.0.0.1:1' } }, flags })
    try {
      await sleep(i * 20)
      running.child.kill('SIGTERM')
      count(await Promise.race([running.ended, sleep(10_000, -1)]))
    } finally {
      await running.remove()
    }
  }
  await watchHealthy({}, async program => {
    program.child.kill('SIGHUP')
    await sleep(100)
    program.child.kill('SIGTERM')
    count(await Promise.race([program.ended, sleep(10_000, -1)]))
  })
  assert.deepEqual(
    [...codes.keys()].filter(code => code !== 0 && code !== 143),
    [],
    'exit codes',
  )
  return [...codes].map(([code, times]) => `${times} × exit ${code}`).join(', ')
}
