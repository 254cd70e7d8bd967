/** The process: signals, drain, exit codes, reload, and logs that go nowhere. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type ByteServer, closedPort, listen, serve, until } from '../support/net.ts'
import { launch, type Program, type ProgramOptions, startProgram } from '../support/program.ts'

const cleanUp: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const each of cleanUp.splice(0)) await each()
})

async function start(options: ProgramOptions): Promise<Program> {
  const program = await startProgram(options)
  cleanUp.push(program.remove)
  return program
}

function launched(options: ProgramOptions) {
  const running = launch(options)
  cleanUp.push(running.remove)
  return running
}

async function echo(): Promise<ByteServer> {
  const server = await serve(socket => socket.write('hello\n'))
  cleanUp.push(server.close)
  return server
}

const quick = { interval: '500ms', timeout: '200ms' }
const oneTcp = (port: number) => ({ defaults: quick, dependencies: { a: `tcp://127.0.0.1:${port}` } })

describe('the end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: not ready at once, alive during the delay, then exit 0',
    async signal => {
      const { port } = await echo()
      const program = await start({ config: { ...oneTcp(port), server: { shutdownDelay: '1s' } } })
      await until(async () => (await program.get('/readyz')).status === 200, 'ready')
      program.child.kill(signal)
      await until(async () => (await program.get('/readyz')).status === 503, 'not ready')
      expect((await program.get('/healthz')).status).toBe(200)
      expect(await program.ended).toBe(0)
    },
  )

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second %s ends at once, with %i', async (signal, code) => {
    const program = await start({ config: { ...oneTcp(1), server: { shutdownDelay: '1h' } } })
    program.child.kill(signal)
    await until(() => program.output().stderr.includes('stopping'), 'it stops')
    program.child.kill(signal)
    expect(await program.ended).toBe(code)
  })

  test('checks that hang do not hold it', async () => {
    const silent = await serve(() => {})
    cleanUp.push(silent.close)
    const config = {
      dependencies: { a: { kind: 'tcp', host: '127.0.0.1', port: silent.port, expect: { contains: 'x' } } },
    }
    const program = await start({ config })
    await until(() => silent.open.size === 1, 'a check hangs')
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
  })
})

describe('exit codes', () => {
  test('2 for a flag that does not exist, with a hint', async () => {
    const { ended, output } = launched({ flags: ['--log.levle', 'debug'] })
    expect(await ended).toBe(2)
    expect(output().stderr).toContain("unknown option '--log.levle'")
    expect(output().stderr).toContain('Did you mean --log.level?')
  })

  test('3 for a config with problems: all of them, each with its place', async () => {
    const { ended, output } = launched({
      config: { dependencies: { a: { kind: 'tpc' }, b: { kind: 'tcp', host: 'x', port: 1, interal: '5s' } } },
    })
    expect(await ended).toBe(3)
    expect(output().stderr.trim().split('\n')).toHaveLength(2)
    expect(output().stderr).toMatch(/pulsecheck\.yml:3:\d+: dependencies\.a\.kind: .*tcp/)
    expect(output().stderr).toMatch(/pulsecheck\.yml:8:\d+: dependencies\.b\.interal: .*interval/)
  })

  test('3 when there is nothing to check, and it says what to do', async () => {
    const { ended, output } = launched({})
    expect(await ended).toBe(3)
    expect(output().stderr).toContain('DATABASE_URL')
  })

  test('3 for more series than allowed, with the largest part named', async () => {
    const { ended, output } = launched({ config: { ...oneTcp(1), server: { maxSeries: 10 } } })
    expect(await ended).toBe(3)
    expect(output().stderr).toMatch(/server\.maxSeries: \d+ series are more than .* tcp \d+ \(1 dependencies/)
  })

  test('4 when the port is in use, in one line, and nothing was asked', async () => {
    const server = createServer()
    const port = await listen(server)
    cleanUp.push(async () => server.close())
    const target = await echo()
    const { ended, output } = launched({
      config: oneTcp(target.port),
      flags: ['--web.listen-address', `127.0.0.1:${port}`],
    })
    expect(await ended).toBe(4)
    expect(output().stderr).toMatch(/^cannot listen on 127\.0\.0\.1:\d+: .*\n$/)
    expect(target.accepted()).toBe(0)
  })

  test('0 for --config.check and validate on a good config, and neither asks anything', async () => {
    const target = await echo()
    for (const flags of [['--config.check'], ['validate']]) {
      const { ended, output } = launched({ config: oneTcp(target.port), flags })
      expect(await ended).toBe(0)
      expect(output().stdout).toMatch(/pulsecheck\.yml: ok, 1 dependencies: 1 tcp\n$/)
    }
    expect(target.accepted()).toBe(0)
  })
})

describe('the twelve-factor way', () => {
  test('DATABASE_URL, REDIS_URL and PULSECHECK_DEPENDENCY_<NAME> are enough', async () => {
    const port = await closedPort()
    const program = await start({
      env: {
        DATABASE_URL: `postgres://user:pass@127.0.0.1:${port}/orders`,
        REDIS_URL: `redis://127.0.0.1:${port}`,
        PULSECHECK_DEPENDENCY_SHOP_API: `http://127.0.0.1:${port}/health`,
      },
    })
    const { dependencies } = await program.health()
    expect(Object.entries(dependencies).map(([name, { kind, target }]) => [name, kind, target])).toEqual([
      ['database', 'postgres', `127.0.0.1:${port}/orders`],
      ['shop-api', 'http', `http://127.0.0.1:${port}/health`],
      ['redis', 'redis', `127.0.0.1:${port}`],
    ])
  })
})

describe('reload', () => {
  test('SIGHUP: what is new comes, what is gone goes, what stays keeps its counters', async () => {
    const { port } = await echo()
    const program = await start({
      config: {
        defaults: quick,
        dependencies: { stays: `tcp://127.0.0.1:${port}`, goes: `tcp://127.0.0.1:${port}` },
      },
    })
    await until(
      async () =>
        ((await program.metric('dependency_checks_total{dependency="stays",kind="tcp"}')) ?? 0) >= 2,
      'two checks',
    )
    writeFileSync(
      program.configFile,
      stringify({
        defaults: quick,
        dependencies: { stays: `tcp://127.0.0.1:${port}`, comes: `tcp://127.0.0.1:${port}` },
      }),
    )
    program.child.kill('SIGHUP')
    await until(
      async () => (await program.get('/metrics')).text.includes('dependency="comes"'),
      'the new one is there',
    )
    expect((await program.get('/metrics')).text).not.toContain('"goes"')
    expect(
      await program.metric('dependency_checks_total{dependency="stays",kind="tcp"}'),
    ).toBeGreaterThanOrEqual(2)
    expect(await program.metric('pulsecheck_config_last_reload_successful')).toBe(1)
  })

  test('a config with a problem changes nothing, and the gauge says so', async () => {
    const { port } = await echo()
    const program = await start({ config: oneTcp(port), flags: ['--web.enable-lifecycle'] })
    writeFileSync(program.configFile, 'dependencies:\n  b: tcp://127.0.0.1:1\n  c: { kind: tpc }\n')
    const answer = await fetch(`${program.url}/-/reload`, { method: 'POST' })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(Object.keys((await program.health()).dependencies)).toEqual(['a'])
    expect(await program.metric('pulsecheck_config_last_reload_successful')).toBe(0)
    expect(program.output().stderr).toMatch(/level=error msg="config not reloaded.*pulsecheck\.yml:3:/)
  })

  test('who may see what changes with it, and the log says so', async () => {
    const { port } = await echo()
    const program = await start({ config: oneTcp(port) })
    const statuses = async () => {
      const paths = ['/health', '/metrics', '/healthz']
      return await Promise.all(paths.map(async path => (await program.get(path)).status))
    }
    const reload = async (server: object, expected: readonly number[]) => {
      writeFileSync(program.configFile, stringify({ ...oneTcp(port), server }))
      program.child.kill('SIGHUP')
      await until(async () => (await statuses()).join() === expected.join(), `statuses ${expected}`)
    }
    expect(await statuses()).toEqual([200, 200, 200])
    await reload({ details: 'never' }, [404, 200, 200])
    await reload({ allow: ['203.0.113.0/24'] }, [403, 403, 200])
    await reload({ details: 'always', allow: ['203.0.113.0/24'] }, [200, 403, 200])
    expect(program.output().stderr.match(/details="?[^"\n]*"? /g)).toEqual([
      'details="clients on this machine" ',
      'details=nobody ',
      'details="addresses in 203.0.113.0/24" ',
      'details="everybody on this machine" ',
    ])
  })

  test('/-/reload is not there unless it is enabled', async () => {
    const program = await start({ config: oneTcp(1) })
    expect((await fetch(`${program.url}/-/reload`, { method: 'POST' })).status).toBe(404)
  })
})

describe('the web config file', () => {
  const users = (name: string) => `basic_auth_users:\n  ${name}: ${hashSync('word', 4)}\n`
  const login = (name: string) => ({ authorization: `Basic ${btoa(`${name}:word`)}` })

  test('is followed: new users come in, those of before do not, and a mistake shows in a metric', async () => {
    const program = await start({
      config: oneTcp(1),
      files: { 'web.yml': users('alice') },
      flags: ['--web.config.file', 'web.yml'],
    })
    const file = join(program.folder, 'web.yml')
    const status = async (name: string) => (await program.get('/metrics', login(name))).status
    expect([await status('alice'), await status('bob')]).toEqual([200, 401])
    writeFileSync(file, users('bob'))
    await until(async () => (await status('bob')) === 200, 'bob is let in', 30_000)
    expect(await status('alice')).toBe(401)
    writeFileSync(file, 'basic_auth_users: [bob]\n')
    const failed = /^pulsecheck_web_config_last_reload_successful 0$/m
    const metrics = async () => (await program.get('/metrics', login('bob'))).text
    await until(async () => failed.test(await metrics()), 'the failure shows', 30_000)
    expect(program.output().stderr.match(/web config not reloaded/g)).toHaveLength(1)
  }, 70_000)

  test.each(['/dev/zero', 'pipe'])('a certificate from %s ends the start with 3', async cert => {
    const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-pipe-'))
    cleanUp.push(async () => rmSync(folder, { recursive: true }))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    const text = `tls_server_config:\n  cert_file: ${resolve(folder, cert)}\n  key_file: server.key\n`
    const { ended, output } = launched({
      config: oneTcp(1),
      files: { 'web.yml': text },
      flags: ['--web.config.file', 'web.yml'],
    })
    expect(await ended).toBe(3)
    expect(output().stderr).toContain('is not a regular file')
  })
})

describe('the log', () => {
  test('has no line for a check, one for a change, and is JSON if asked', async () => {
    const { port } = await echo()
    const program = await start({ config: oneTcp(port), flags: ['--log.format', 'json'] })
    await until(
      async () => ((await program.metric('dependency_checks_total{dependency="a",kind="tcp"}')) ?? 0) >= 3,
      'three checks',
    )
    const lines = program
      .output()
      .stderr.trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines.filter(line => line.dependency === 'a')).toEqual([
      {
        level: 'info',
        ts: expect.any(String),
        dependency: 'a',
        kind: 'tcp',
        target: `127.0.0.1:${port}`,
        critical: true,
        from: 'unknown',
        to: 'up',
        msg: 'dependency is up',
      },
    ])
  })

  test('on a full disk: it goes on, and ends in time', async () => {
    const full = openSync('/dev/full', 'w')
    const { port } = await echo()
    const listen = await closedPort()
    const running = launched({
      config: { ...oneTcp(port), server: { listen: [`127.0.0.1:${listen}`] } },
      flags: ['--log.level', 'debug'],
      stdio: ['ignore', full, full],
    })
    closeSync(full)
    await until(
      () =>
        fetch(`http://127.0.0.1:${listen}/readyz`).then(
          ({ status }) => status === 200,
          () => false,
        ),
      'ready',
    )
    running.child.kill('SIGTERM')
    expect(await running.ended).toBe(0)
  })

  test('into a closed pipe: it goes on, and ends in time', async () => {
    const { port } = await echo()
    const program = await start({ config: oneTcp(port), flags: ['--log.level', 'debug'] })
    program.child.stderr?.destroy()
    await until(
      async () => ((await program.metric('dependency_checks_total{dependency="a",kind="tcp"}')) ?? 0) >= 4,
      'checks go on',
    )
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
  })
})

describe('our own stall', () => {
  /** Longer than interval and timeout together: a check falls due, or its deadline passes, while the process is frozen. */
  const frozenMs = 400

  test('a process that was frozen blames no dependency', async () => {
    const { port } = await echo()
    const many = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [
        `a${i}`,
        { kind: 'tcp', host: '127.0.0.1', port, expect: { contains: 'hello' } },
      ]),
    )
    const program = await start({
      config: { defaults: { interval: '200ms', timeout: '100ms', failureThreshold: 1 }, dependencies: many },
    })
    await until(async () => (await program.get('/readyz')).status === 200, 'ready')
    for (let i = 0; i < 5; i++) {
      const before = (await program.metric('dependency_checks_total{dependency="a0",kind="tcp"}')) ?? 0
      program.child.kill('SIGSTOP')
      await new Promise(resolve => setTimeout(resolve, frozenMs))
      program.child.kill('SIGCONT')
      await until(
        async () =>
          ((await program.metric('dependency_checks_total{dependency="a0",kind="tcp"}')) ?? 0) > before + 1,
        'checks go on',
      )
    }
    const { text } = await program.get('/metrics')
    const failed = text
      .split('\n')
      .filter(line => line.startsWith('dependency_check_failures_total') && !line.endsWith(' 0'))
    expect(failed).toEqual([])
    expect((await program.get('/healthz')).status).toBe(200)
  })
})
