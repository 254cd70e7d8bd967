/** The wiring of the service: what a reload takes, refuses and says; secrets that are rotated while it runs. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { kinds } from '../../src/kinds/index.ts'
import { CheckError } from '../../src/model/dependency.ts'
import { defineKind, type Kind } from '../../src/model/kind.ts'
import { Secret } from '../../src/model/secret.ts'
import {
  isWatched,
  type Service,
  type ServiceOptions,
  shutdownDelayMs,
  startService,
} from '../../src/service.ts'
import { until } from '../support/net.ts'

interface Line {
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

/** A kind that works with the right password. */
function locked(password: () => string): Kind {
  return defineKind({
    name: 'locked',
    options: z.strictObject({
      password: z
        .string()
        .refine(text => text !== 'refused')
        .transform(text => new Secret(text))
        .meta({ file: true }),
    }),
    target: () => 'vault',
    open: ({ password: given }) => ({
      check: async () => {
        if (given.reveal() !== password()) throw new CheckError('auth_error', 'wrong', 'wrong password')
      },
    }),
  })
}

async function serviceOf(text: string, options: Partial<ServiceOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-service-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const configFile = join(folder, 'pulsecheck.yml')
  writeFileSync(configFile, text)
  const lines: Line[] = []
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, ...fields })
  const logger = { debug: () => {}, info: write('info'), warn: write('warn'), error: write('error') }
  const service = await startService({
    configFile,
    env: {},
    kinds,
    logger,
    listen: [{ host: '127.0.0.1', port: 0 }],
    pause: async () => {},
    ...options,
  })
  onTestFinished(service.stop)
  return { service, folder, configFile, lines, write: (text: string) => writeFileSync(configFile, text) }
}

const names = ({ monitor }: Service) =>
  monitor.state.snapshot().states.map(({ dependency }) => dependency.name)
const listOf = (count: number, more = '') =>
  `defaults: { interval: 1h }\n${more}dependencies:\n${Array.from({ length: count }, (_, i) => `  d${i}: tcp://127.0.0.1:1\n`).join('')}`
async function get({ urls }: Service, path: string): Promise<string> {
  return await (await fetch(`${urls[0]}${path}`)).text()
}

describe('a reload', () => {
  test('is what the next one, the routes and the end go by', async () => {
    const { service, write, lines } = await serviceOf(listOf(2))
    write(listOf(3, 'server: { details: always, shutdownDelay: 1ms }\nmaxConcurrentChecks: 7\n'))
    await service.reload()
    expect(JSON.parse(await get(service, '/config'))).toMatchObject({
      maxConcurrentChecks: 7,
      dependencies: { d2: { kind: 'tcp' } },
    })
    const warned = () => lines.filter(({ key }) => key !== undefined).length
    const before = warned()
    await service.reload()
    expect(warned()).toBe(before)
    await service.stop()
    expect(lines.find(({ message }) => message.includes('draining'))).toMatchObject({ delayMs: 1 })
  })

  test('puts new rules of access in force', async () => {
    const { service, write } = await serviceOf(listOf(1))
    const status = async () => (await fetch(`${service.urls[0]}/config`)).status
    expect(await status()).toBe(200)
    write(listOf(1, 'server: { details: never }\n'))
    await service.reload()
    expect(await status()).toBe(404)
  })

  test('shows in the metrics whether the last load was accepted, and when one was', async () => {
    const started = Date.now() / 1_000
    const { service, write, lines } = await serviceOf(listOf(2))
    const shown = async () => {
      const metrics = await get(service, '/metrics')
      const read = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(metrics)?.[1])
      return {
        successful: read('pulsecheck_config_last_reload_successful'),
        at: read('pulsecheck_config_last_reload_success_timestamp_seconds'),
      }
    }
    const first = await shown()
    expect(first.successful).toBe(1)
    expect(first.at).toBeGreaterThanOrEqual(started)
    write('dependencies: [')
    await expect(service.reload()).rejects.toThrow()
    expect(await shown()).toEqual({ successful: 0, at: first.at })
    expect(lines.at(-1)?.message).toBe('config not reloaded, the running one stays in force')
    write(listOf(3))
    await service.reload()
    const last = await shown()
    expect(last.successful).toBe(1)
    expect(last.at).toBeGreaterThan(first.at)
    expect(lines.at(-1)).toMatchObject({ message: 'config reloaded', dependencies: 3 })
  })

  test('says of each key that is fixed at the start that it waits for the next one', async () => {
    const { service, write, lines } = await serviceOf(listOf(1))
    write(
      listOf(
        1,
        'server: { listen: [":1"], probes: { listen: [":2"] }, metricsPath: /other }\nhistogram: { native: false }\nmaxConcurrentChecks: 7\n',
      ),
    )
    await service.reload()
    const warned = lines.filter(({ message }) => message === 'this change takes effect at the next start')
    expect(warned.map(({ key }) => key)).toEqual([
      'server.listen',
      'server.probes.listen',
      'server.metricsPath',
      'histogram',
      'maxConcurrentChecks',
    ])
  })

  test('takes a file only when two readings agree', async () => {
    const rest = ['  late: tcp://127.0.0.1:1\n']
    const at: { file?: string } = {}
    const { service, configFile } = await serviceOf(listOf(1), {
      pause: async () => {
        const more = rest.shift()
        if (more !== undefined) writeFileSync(at.file ?? '', more, { flag: 'a' })
      },
    })
    at.file = configFile
    await service.reload()
    expect(names(service)).toEqual(['d0', 'late'])
  })

  test('that comes while another runs is shared with all who come meanwhile', async () => {
    const { service, lines } = await serviceOf(listOf(1))
    await Promise.all(Array.from({ length: 5 }, () => service.reload()))
    expect(lines.filter(({ message }) => message === 'config reloaded')).toHaveLength(2)
  })

  test('logs at most a hundred problems of a flood, and one more line', async () => {
    const { service, write, lines } = await serviceOf(listOf(1))
    write(':\n'.repeat(100_000))
    await expect(service.reload()).rejects.toThrow()
    const errors = lines.filter(({ level }) => level === 'error')
    expect(errors).toHaveLength(101)
    expect(errors.at(-1)?.problem).toMatch(/more than 100 problems; the first are shown$/)
  })
})

describe('a config that looks like a part of one', () => {
  const wholeFile = `${listOf(4)}  last: { kind: tcp, host: a, port: 1, timeout: 30s, interval: 40s }\n`

  test.each([
    ['most dependencies are gone', listOf(10), listOf(4), 'would remove 6 of 10 dependencies'],
    [
      'it is cut within a line',
      'dependencies:\n  a: tcp://host:9797\n',
      'dependencies:\n  a: tcp://host:97',
      'is the running config, cut off within a line',
    ],
  ])('is refused when %s', async (_, before, after, problem) => {
    const { service, write, lines, configFile } = await serviceOf(before)
    const running = names(service)
    write(after)
    const said = `${configFile}: ${problem}; start with --config.allow-shrink, or restart, if that is meant`
    await expect(service.reload()).rejects.toThrow(said)
    expect(names(service)).toEqual(running)
    expect(lines.find(({ level }) => level === 'error')?.problem).toBe(said)
    const metrics = await get(service, '/metrics')
    expect(metrics).toContain('pulsecheck_config_last_reload_successful 0\n')
    expect(metrics).toContain('pulsecheck_config_reload_failures_total{cause="truncated"} 1\n')
    expect(metrics).toContain('pulsecheck_config_reload_failures_total{cause="invalid"} 0\n')
  })

  test.each([
    ['half of them stay', listOf(10), listOf(5)],
    ['there are few', listOf(3), listOf(1)],
    ['as many come as go', listOf(10), listOf(10).replaceAll(' d', ' e')],
    ['whole lines are gone from its end', wholeFile, listOf(4)],
    ['only its last newline is gone', listOf(4), listOf(4).trimEnd()],
  ])('is taken when %s', async (_, before, after) => {
    const { service, write } = await serviceOf(before)
    write(after)
    await service.reload()
    expect(names(service)).toHaveLength([...after.matchAll(/^ {2}\w/gm)].length)
  })

  test('is taken with a warning when its last line has no end any more', async () => {
    const { service, write, lines } = await serviceOf(listOf(4))
    const warnings = () =>
      lines.filter(({ message }) => message.includes('no longer ends in a newline')).length
    await service.reload()
    expect(warnings()).toBe(0)
    write(`${listOf(4)}  last: tcp://127.0.0.1:1`)
    await service.reload()
    await service.reload()
    expect(warnings()).toBe(1)
    expect(names(service)).toHaveLength(5)
  })

  test.each([
    ['most dependencies gone', listOf(10), listOf(1)],
    ['a cut within a line', 'dependencies:\n  d0: tcp://host:9797\n', 'dependencies:\n  d0: tcp://host:97'],
  ])('is taken with %s when that is allowed', async (_, before, after) => {
    const { service, write } = await serviceOf(before, { allowShrink: true })
    write(after)
    await service.reload()
    expect(names(service)).toEqual(['d0'])
  })
})

describe('a rotated secret', () => {
  // Names whose first checks come soon after the start.
  const text = `defaults: { interval: 1h }
dependencies:
  lock: { kind: locked, passwordFile: password }
  archive: { kind: locked, passwordFile: other }
`
  async function following() {
    let password = 'first'
    const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-secrets-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const put = (name: string, content: string) => writeFileSync(join(folder, name), content)
    put('password', 'first\n')
    put('other', 'first\n')
    const inFolder = text.replaceAll('File: ', `File: ${folder}/`)
    const started = await serviceOf(inFolder, { kinds: [locked(() => password)], followEveryMs: 20 })
    const state = (name: string) => started.service.monitor.state.get(name)
    await until(() => state('lock')?.status === 'up' && state('archive')?.status === 'up', 'up')
    return { ...started, secrets: folder, put, state, rotate: (next: string) => (password = next) }
  }

  test('is taken over and checked, and nothing else changes', async () => {
    const { put, rotate, state, write, lines } = await following()
    const other = state('archive')
    write('not: a config that may be taken')
    rotate('second')
    put('password', 'second\n')
    await until(() => (state('lock')?.checks ?? 0) >= 2, 'checked again')
    expect(state('lock')).toMatchObject({ status: 'up', last: { ok: true } })
    expect(state('archive')).toBe(other)
    expect(lines.at(-1)).toMatchObject({ message: 'secret files read again', files: 2 })
  })

  test('that its kind refuses is not applied, and the log says why', async () => {
    const { service, put, state, lines } = await following()
    put('password', 'refused\n')
    await until(() => lines.some(({ message }) => message === 'secret files not applied'), 'refused')
    expect(lines.find(({ message }) => message === 'secret files not applied')).toMatchObject({
      level: 'warn',
      problem: expect.stringContaining('passwordFile'),
    })
    await until(
      async () => (await get(service, '/metrics')).includes('pulsecheck_secret_files_unusable 1'),
      'the gauge says so',
    )
    expect(state('lock')?.checks).toBe(1)
  })

  test('is noticed where Kubernetes swaps a link, even with the same size and time', async () => {
    const { secrets, put, rotate, state } = await following()
    put('password.new', 'secnd\n')
    rotate('secnd')
    unlinkSync(join(secrets, 'password'))
    symlinkSync(join(secrets, 'password.new'), join(secrets, 'password.link'))
    renameSync(join(secrets, 'password.link'), join(secrets, 'password'))
    await until(() => (state('lock')?.checks ?? 0) >= 2, 'checked again')
    expect(state('lock')?.last?.ok).toBe(true)
  })

  test.each([
    ['missing', (file: string) => unlinkSync(file)],
    ['empty', (file: string) => writeFileSync(file, '')],
    ['blank', (file: string) => writeFileSync(file, '\n')],
  ])(
    'that is %s for a while: the last one stays, others are followed, and it is said once',
    async (_, spoil) => {
      const { service, secrets, put, rotate, state, lines } = await following()
      const metric = () =>
        get(service, '/metrics').then(text => /^pulsecheck_secret_files_unusable (\d)$/m.exec(text)?.[1])
      spoil(join(secrets, 'password'))
      await until(async () => (await metric()) === '1', 'the gauge says so')
      rotate('third')
      put('other', 'third\n')
      await until(() => (state('archive')?.checks ?? 0) >= 2, 'the other is checked')
      expect(state('archive')?.last?.ok).toBe(true)
      expect(state('lock')?.checks).toBe(1)
      const said = lines.filter(({ message }) => message.includes('is not usable'))
      expect(said.map(({ file }) => file)).toEqual([join(secrets, 'password')])
      put('password', 'third\n')
      await until(() => (state('lock')?.checks ?? 0) >= 2, 'checked again')
      await until(async () => (await metric()) === '0', 'the gauge is back')
      expect(state('lock')?.last?.ok).toBe(true)
    },
  )
})

describe('a config file that is watched', () => {
  const watched = { watch: true, followEveryMs: 10 }

  /** A folder as the kubelet writes it: what it shows are links through `..data`, which is replaced at once. */
  async function mounted(text: string, more: Partial<ServiceOptions> = {}) {
    const volume = mkdtempSync(join(tmpdir(), 'pulsecheck-volume-'))
    onTestFinished(() => rmSync(volume, { recursive: true }))
    let generation = 0
    const swap = (text: string) => {
      const folder = `..${generation++}`
      mkdirSync(join(volume, folder))
      writeFileSync(join(volume, folder, 'pulsecheck.yml'), text)
      symlinkSync(folder, join(volume, '..data_tmp'))
      renameSync(join(volume, '..data_tmp'), join(volume, '..data'))
    }
    swap(text)
    const configFile = join(volume, 'pulsecheck.yml')
    symlinkSync('..data/pulsecheck.yml', configFile)
    return { ...(await serviceOf('', { ...watched, ...more, configFile })), volume, swap, configFile }
  }
  const problems = (lines: readonly Line[]) =>
    lines
      .filter(({ level, dependency }) => level !== 'info' && dependency === undefined)
      .map(({ problem, message }) => problem ?? message)

  test('is reloaded where Kubernetes swaps a link, and only then', async () => {
    const { service, swap, lines } = await mounted(listOf(1))
    swap(listOf(2))
    await until(() => names(service).length === 2, 'the second is there')
    swap(listOf(2))
    swap(listOf(3))
    await until(() => names(service).length === 3, 'the third is there')
    await service.reload()
    const reloads = () => lines.filter(({ message }) => message === 'config reloaded').length
    const before = reloads()
    swap(listOf(4))
    // The log follows what it tells of.
    await until(() => reloads() > before, 'the fourth is logged')
    expect(names(service)).toHaveLength(4)
    expect(reloads()).toBe(before + 1)
  })

  test('is tried once while it is refused, and again when a secret that it names is there', async () => {
    const { service, volume, swap, lines } = await mounted(listOf(1), {
      kinds: [...kinds, locked(() => 'x')],
    })
    const secret = join(volume, 'password')
    swap(`${listOf(1)}  lock: { kind: locked, passwordFile: ${secret} }\n`)
    await until(() => problems(lines).length === 2, 'it is refused')
    expect(problems(lines)).toEqual([
      expect.stringMatching(/lock.passwordFile: the file does not exist/),
      'the changed file is not usable; the running config stays in force',
    ])
    writeFileSync(secret, 'x\n')
    await until(() => names(service).includes('lock'), 'it is taken')
    expect(problems(lines)).toHaveLength(2)
    expect(await get(service, '/metrics')).toContain('pulsecheck_config_last_reload_successful 1\n')
  })

  test.each([
    ['is gone', (file: string) => unlinkSync(file)],
    ['is empty', (file: string) => writeFileSync(file, '')],
  ])('and %s leaves the running one in force', async (_, spoil) => {
    const { service, configFile, lines, write } = await serviceOf(listOf(1), watched)
    spoil(configFile)
    await until(() => problems(lines).length === 1, 'that is logged')
    expect(lines.find(({ message }) => message.startsWith('the changed file'))?.file).toBe(configFile)
    expect(names(service)).toEqual(['d0'])
    write(listOf(2))
    await until(() => names(service).length === 2, 'it is back')
  })
})

test.each([
  [undefined, {}, false],
  [undefined, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, true],
  [false, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, false],
  [true, {}, true],
])('watch %s in %j: %s', (watch, env, expected) => {
  expect(isWatched({ watch, env })).toBe(expected)
})

test.each([
  [undefined, {}, 0],
  [undefined, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 5_000],
  [0, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 0],
  [1_000, {}, 1_000],
])('a shutdown delay of %s in %j is %i ms', (shutdownDelay, env, expected) => {
  const server = { listen: [], details: 'never', metricsPath: '/metrics', maxSeries: 1 } as const
  expect(
    shutdownDelayMs({ server: { ...server, listen: [], probes: { listen: [] }, shutdownDelay } }, env),
  ).toBe(expected)
})
