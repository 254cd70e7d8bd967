/** Sources beside the config: what they give is merged, held to the same bounds, and refused as a whole. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { kinds } from '../../src/kinds/index.ts'
import { silent } from '../../src/model/logger.ts'
import { loadServiceConfig } from '../../src/service/load.ts'
import {
  ConfigError,
  mergeSources,
  problemsOf,
  refuseShrink,
  type Source,
} from '../../src/service/sources.ts'
import { type ServiceOptions, startService } from '../../src/service.ts'
import { definition } from '../support/dependency.ts'
import { countInTurns } from '../support/turns.ts'

const wide = { histogram: { buckets: [], native: true }, maxSeries: 1_000_000 }
const made = (...names: readonly string[]) => names.map(name => definition({ name }))

/** A source that gives what the test says, when it says so. */
function createScript(...first: readonly string[]) {
  let names = first
  let fails: Error | undefined
  let listener = () => {}
  let isFollowed = false
  const source: Source = {
    name: 'script',
    async read() {
      if (fails !== undefined) throw fails
      return made(...names)
    },
    follow(changed) {
      listener = changed
      isFollowed = true
      return () => {
        isFollowed = false
      }
    },
  }
  return {
    source,
    isFollowed: () => isFollowed,
    give(...next: readonly string[]) {
      names = next
      fails = undefined
      listener()
    },
    fail(error: Error) {
      fails = error
      listener()
    },
  }
}

async function serve(
  env: NodeJS.ProcessEnv,
  script: ReturnType<typeof createScript>,
  more: Partial<ServiceOptions> = {},
) {
  const lines: { readonly level: string; readonly message: string; readonly problem?: unknown }[] = []
  let heard = () => {}
  const write = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, ...fields })
    heard()
  }
  const options: ServiceOptions = {
    env,
    kinds,
    logger: { ...silent, info: write('info'), warn: write('warn'), error: write('error') },
    listen: [{ host: '127.0.0.1', port: 0 }],
    sources: [script.source],
    ...more,
  }
  const service = await startService(options)
  onTestFinished(service.stop)
  /** Resolves with the next line that says this. */
  const line = (text: string) =>
    new Promise<(typeof lines)[number]>(resolve => {
      heard = () => {
        const found = lines.find(({ message }) => message.includes(text))
        if (found !== undefined) resolve(found)
      }
    })
  const names = () => service.monitor.state.snapshot().states.map(state => state.dependency.name)
  return { service, names, line }
}

const env = { REDIS_URL: 'redis://127.0.0.1:1' }

describe('a source beside the environment', () => {
  test('adds its dependencies after those of the config, and changes them', async () => {
    const script = createScript('orders', 'mail')
    const { names, line } = await serve(env, script)
    expect(names()).toEqual(['redis', 'orders', 'mail'])
    const changed = line('dependencies changed')
    script.give('invoices', 'mail')
    expect(await changed).toMatchObject({ source: 'script', dependencies: 3 })
    expect(names()).toEqual(['redis', 'invoices', 'mail'])
  })

  test.each([
    ['a name of the config', ['redis'], 'script: "redis": this name is also in environment'],
    [
      'a name that differs in case',
      ['Redis'],
      'script: "Redis": differs only in case from a name in environment',
    ],
    ['a name twice', ['mail', 'mail'], 'script: "mail": this name is also in script'],
    ['a malformed name', ['a b'], expect.stringContaining('script: "a b": a name has 1 to 64 characters')],
  ])('is refused with %s, and what it gave before stays', async (_, next, problem) => {
    const script = createScript('orders')
    const { service, names, line } = await serve(env, script)
    const refused = line('refused')
    script.give(...next)
    expect(await refused).toMatchObject({ level: 'error', source: 'script', problem })
    expect(names()).toEqual(['redis', 'orders'])
    const metrics = await (await fetch(`${service.urls[0]}/metrics`)).text()
    expect(metrics).toContain('pulsecheck_config_last_reload_successful 0\n')
    expect(metrics).toContain('pulsecheck_config_reload_failures_total{cause="invalid"} 1\n')
    const changed = line('dependencies changed')
    script.give('mail')
    await changed
    expect(names()).toEqual(['redis', 'mail'])
  })

  test('keeps its dependencies while it cannot be read, and across a reload of the config', async () => {
    const script = createScript('orders')
    const { service, names, line } = await serve(env, script)
    const refused = line('refused')
    script.fail(new Error('the catalogue is away'))
    expect(await refused).toMatchObject({ problem: 'the catalogue is away' })
    const metrics = await (await fetch(`${service.urls[0]}/metrics`)).text()
    expect(metrics).toContain('pulsecheck_config_reload_failures_total{cause="invalid"} 1\n')
    await service.reload()
    expect(names()).toEqual(['redis', 'orders'])
  })

  test('may not lose most of its dependencies at once, unless that is allowed', async () => {
    const script = createScript('a', 'b', 'c', 'd')
    const { service, names, line } = await serve(env, script)
    const refused = line('refused')
    script.give('a')
    expect(await refused).toMatchObject({
      problem:
        'script: would remove 3 of 4 dependencies; start with --config.allow-shrink, or restart, if that is meant',
    })
    expect(names()).toEqual(['redis', 'a', 'b', 'c', 'd'])
    const metrics = await (await fetch(`${service.urls[0]}/metrics`)).text()
    expect(metrics).toContain('pulsecheck_config_reload_failures_total{cause="truncated"} 1\n')

    const free = createScript('a', 'b', 'c', 'd')
    const allowed = await serve(env, free, { allowShrink: true })
    const changed = allowed.line('dependencies changed')
    free.give('a')
    await changed
    expect(allowed.names()).toEqual(['redis', 'a'])
  })

  test('is followed until the service ends', async () => {
    const script = createScript('orders')
    const { service } = await serve(env, script)
    expect(script.isFollowed()).toBe(true)
    await service.stop()
    expect(script.isFollowed()).toBe(false)
  })

  test('that clashes at the start prevents it', async () => {
    await expect(serve(env, createScript('redis'))).rejects.toThrow(ConfigError)
  })
})

describe('the whole list', () => {
  test('has no more dependencies than one service may have', async () => {
    const half = (letter: string) => made(...Array.from({ length: 5_001 }, (_, i) => `${letter}${i}`))
    const lists = new Map([
      ['a.yml', half('a')],
      ['script', half('b')],
    ])
    await expect(mergeSources(lists, wide)).rejects.toThrow(
      'a.yml and script: 10002 dependencies are more than the 10000 allowed',
    )
  })

  test('may have as many as that', async () => {
    const most = made(...Array.from({ length: 10_000 }, (_, i) => `d${i}`))
    expect(await mergeSources(new Map([['a.yml', most]]), wide)).toHaveLength(10_000)
  })

  test('of a config alone is held to the bounds that it sets, also where nothing is started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bounds-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const configFile = join(folder, 'pulsecheck.yml')
    writeFileSync(configFile, 'server: { maxSeries: 10 }\ndependencies:\n  a: tcp://127.0.0.1:1\n')
    const loading = loadServiceConfig({ configFile, env: {}, kinds })
    await expect(loading).rejects.toThrow('series are more than server.maxSeries 10')
    await expect(loading).rejects.toMatchObject({ name: 'ConfigError', failure: 'invalid' })
  })

  test('keeps to the series budget', async () => {
    const lists = new Map([
      ['a.yml', made('a')],
      ['script', made('b')],
    ])
    await expect(mergeSources(lists, { ...wide, maxSeries: 10 })).rejects.toThrow(
      /^a.yml and script: server.maxSeries: \d+ series are more than server.maxSeries 10/,
    )
  })

  test('tells every problem at once', async () => {
    const lists = new Map([
      ['a.yml', made('a', 'b')],
      ['script', made('A', 'B')],
    ])
    await expect(mergeSources(lists, wide)).rejects.toThrow(/"A": differs.*\n.*"B": differs/)
  })

  test('is merged in slices', async () => {
    const { count, most } = countInTurns()
    const counting = made(...Array.from({ length: 100 }, (_, i) => `d${i}`)).map(each => ({
      ...each,
      get dependency() {
        count()
        return each.dependency
      },
    }))
    await mergeSources(new Map([['a.yml', counting]]), wide)
    // Each is read more than once.
    expect(most()).toBeLessThanOrEqual(9)
  })
})

test.each([
  [3, 0, undefined],
  [4, 2, undefined],
  [5, 3, undefined],
  [4, 1, 'would remove 3 of 4'],
  [5, 2, 'would remove 3 of 5'],
  [4, 0, 'would remove 4 of 4'],
])('of %i dependencies of a source, %i may stay: %s', (before, after, refusal) => {
  const names = (count: number) => made(...Array.from({ length: count }, (_, i) => `d${i}`))
  const change = () => refuseShrink('script', names(before), names(after))
  if (refusal === undefined) expect(change).not.toThrow()
  else
    expect(change).toThrow(
      expect.objectContaining({ failure: 'truncated', message: expect.stringContaining(refusal), named: [] }),
    )
})

test.each([
  [new ConfigError(['a: wrong', 'b: wrong']), ['a: wrong', 'b: wrong']],
  [new Error('no file'), ['no file']],
  ['lost', ['lost']],
])('the lines of an error: %s', (error, lines) => {
  expect(problemsOf(error)).toEqual(lines)
})
