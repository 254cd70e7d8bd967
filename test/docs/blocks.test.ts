/** Every block of YAML and PromQL in the documents, read by what it is meant for. */
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { loadFile } from '../../src/config/file.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { kinds } from '../../src/kinds/index.ts'
import { webFileSchema } from '../../src/server/access/webfile.ts'
import { createAuthority } from '../support/certificates.ts'
import { type Block, blocks, read, root } from './documents.ts'

const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-docs-'))
const authority = createAuthority()
beforeAll(() => {
  const { certPem, keyPem } = authority.issue()
  mkdirSync(join(folder, 'secrets'))
  for (const [name, text] of [
    ['server.crt', certPem],
    ['server.key', keyPem],
  ] as const)
    writeFileSync(join(folder, name), text)
})
afterAll(() => {
  authority.remove()
  rmSync(folder, { recursive: true })
})

/** What a block of YAML is, by its first key. */
const sorts: Readonly<Record<string, readonly string[]>> = {
  config: ['defaults', 'dependencies'],
  prometheus: ['scrape_configs', 'remote_write'],
  rules: ['groups'],
  collector: ['receivers'],
  agent: ['instances', 'ad.datadoghq.com/pulsecheck.checks'],
  web: ['tls_server_config', 'basic_auth_users'],
  probes: ['startupProbe', 'livenessProbe', 'readinessProbe'],
}

const yaml = blocks('yaml').map(block => ({ ...block, first: Object.keys(parse(block.text))[0] ?? '' }))
const of = (sort: string) => yaml.filter(({ first }) => sorts[sort]?.includes(first))

test('every block of YAML is of a sort that is tested', () => {
  const known = Object.values(sorts).flat()
  expect(yaml.filter(({ first }) => !known.includes(first))).toEqual([])
  for (const sort of Object.keys(sorts)) expect(of(sort), sort).not.toEqual([])
})

describe('configurations', () => {
  test.each(of('config'))('$file:$line loads', async ({ text }) => {
    expect(await problemsOf(text)).toEqual([])
  })

  test('the example loads on an empty machine', async () => {
    const loaded = await loadConfig({ file: join(root, 'pulsecheck.yml'), env: {}, kinds })
    expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([])
  })

  test('the example shows every section and every common key', () => {
    const text = read('pulsecheck.yml')
    const keys = [
      'interval',
      'timeout',
      'confirmInterval',
      'failureThreshold',
      'successThreshold',
      'staleAfter',
    ]
    const more = [
      'critical',
      'enabled',
      'labels',
      'listen',
      'details',
      'allow',
      'hosts',
      'metricsPath',
      'shutdownDelay',
    ]
    for (const key of [...keys, ...more, 'maxSeries', 'maxConcurrentChecks', 'buckets', 'native'])
      expect(text).toMatch(new RegExp(`^ *(?:# )?${key}: `, 'm'))
  })

  test('its defaults are the built-in ones', async () => {
    const { defaults, maxConcurrentChecks, histogram, server } = parse(read('pulsecheck.yml'))
    const dependencies = { one: 'tcp://one:1' }
    const { allow: _, ...shown } = server
    const listen = [':9797']
    const spelled = { defaults, dependencies, maxConcurrentChecks, histogram, server: { ...shown, listen } }
    expect(await printableOf(spelled)).toEqual(await printableOf({ dependencies }))
  })

  test('a mistake is told as the README shows it', async () => {
    const [shown] = blocks('text').filter(({ section }) => section === 'Configuration')
    const [config] = of('config').filter(({ section }) => section === 'Configuration')
    const lines = (config?.text ?? '').split('\n')
    const at = lines.findIndex(line => line.includes('critical:'))
    const wrong = lines.toSpliced(at, 1, '    interal: 5s').join('\n')
    expect(await problemsOf(wrong)).toEqual([shown?.text.trim()])
  })
})

async function problemsOf(text: string): Promise<readonly string[]> {
  const loaded = await load(text)
  const relative = (line: string) => line.replace(`${folder}/`, '')
  return loaded.ok ? [] : loaded.problems.map(formatProblem).map(relative)
}

async function printableOf(config: object): Promise<unknown> {
  const loaded = await load(stringify(config))
  return loaded.ok ? loaded.config.printable : loaded.problems
}

/** Loads a configuration with every variable set and every file there that it names. */
async function load(text: string) {
  const here = text.replaceAll('/run/secrets/', `${folder}/secrets/`)
  for (const [, file = ''] of here.matchAll(/File: ([^\s,}]+)/g)) writeFileSync(file, 'a secret\n')
  const file = join(folder, 'pulsecheck.yml')
  writeFileSync(file, here)
  const env = { DATABASE_URL: 'postgres://app:secret@db/orders', PORT: '9797' }
  return await loadConfig({ file, env, kinds })
}

describe('for Prometheus', () => {
  test('prometheus.yml', () => {
    const strict = ['--lint=all', '--lint-fatal']
    expect(promtool('check', 'config', ...strict, join(root, 'prometheus.yml'))).toMatch(
      /SUCCESS(?![\s\S]*FAILED)/,
    )
  })

  test('prometheus.yml asks the port of the example', () => {
    const { scrape_configs } = parse(read('prometheus.yml'))
    expect(scrape_configs[0].static_configs[0].targets).toEqual(['localhost:9797'])
  })

  test.each(of('rules'))('$file:$line are rules', ({ text }) => {
    expect(promtool('check', 'rules', written('rules.yml', text))).toMatch(/SUCCESS(?![\s\S]*FAILED)/)
  })

  test.each(of('prometheus'))('$file:$line is a part of a configuration', ({ text }) => {
    const newest = /^ *(?:always_scrape_classic|scrape_native)_histograms: .*$/gm
    const known = /version 3\./.test(promtool('--version')) ? text : text.replaceAll(newest, '')
    expect(promtool('check', 'config', written('prometheus.yml', known))).toMatch(/SUCCESS(?![\s\S]*FAILED)/)
  })

  test.each(blocks('promql').flatMap(expressions))('$file:$line $expr', ({ expr }) => {
    const rules = { groups: [{ name: 'docs', rules: [{ record: 'docs:example', expr }] }] }
    expect(promtool('check', 'rules', written('rules.yml', stringify(rules)))).toMatch(
      /SUCCESS(?![\s\S]*FAILED)/,
    )
  })
})

/** The expressions of a block; each begins with a comment that says what it asks. */
function expressions({ text, file, line }: Block) {
  const parts = text.split(/\n\n/).map(part => part.trim().split('\n'))
  for (const [comment = ''] of parts) expect(comment).toMatch(/^# .*\.$/)
  return parts.map(([, ...rest]) => ({ file, line, expr: rest.join('\n') }))
}

function written(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

/** What promtool says; which stream it says it on depends on the command. */
function promtool(...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' })
  return `${stdout}${stderr}`
}

describe('web config files', () => {
  test.each(of('web'))('$file:$line loads here and in exporter-toolkit', async ({ text }) => {
    const file = written('web.yml', text)
    const loaded = await loadFile(file, webFileSchema(folder))
    expect(loaded.ok ? [] : loaded.problems.map(formatProblem)).toEqual([])
    expect(promtool('check', 'web-config', file)).toMatch(/SUCCESS(?![\s\S]*FAILED)/)
  })

  test('the hash belongs to the password that is named', () => {
    const { basic_auth_users } = parse(of('web')[0]?.text ?? '')
    const [, word = ''] =
      /The hash above belongs to the password `(\w+)`/.exec(read('docs/configuration.md')) ?? []
    expect(compareSync(word, basic_auth_users.prometheus)).toBe(true)
  })
})

interface Pod {
  // biome-ignore lint/suspicious/noExplicitAny: parsed YAML
  readonly containers: readonly any[]
  // biome-ignore lint/suspicious/noExplicitAny: parsed YAML
  readonly initContainers?: readonly any[]
}

describe('for Kubernetes', () => {
  const overlays = globSync('deploy/kubernetes/overlays/*/{deployment,statefulset}.yaml', { cwd: root })
  const pods = overlays.map(file => parse(readFileSync(join(root, file), 'utf8')).spec.template.spec)
  const containerOf = (pod: Pod) =>
    [...(pod.initContainers ?? []), ...pod.containers].find(({ name }) => name === 'pulsecheck')
  const containers = pods.map(containerOf)
  const probes = [...of('probes').map(({ text }) => parse(text)), ...containers]

  test('every probe asks a path that is for it', () => {
    expect(containers).toHaveLength(4)
    for (const { startupProbe, livenessProbe, readinessProbe } of probes) {
      expect(['/startupz', '/healthz']).toContain(startupProbe.httpGet.path)
      expect(livenessProbe.httpGet.path).toBe('/healthz')
      expect(['/readyz', '/healthz']).toContain(readinessProbe.httpGet.path)
    }
  })

  test('a container mounts the volumes that there are, and its ports have the names that probes use', () => {
    for (const pod of pods) {
      const container = containerOf(pod)
      const names = (list: readonly { name: string }[]) => list.map(({ name }) => name)
      expect(names(container.volumeMounts).toSorted()).toEqual(names(pod.volumes).toSorted())
      expect(names(container.ports)).toContain(container.readinessProbe.httpGet.port)
    }
  })
})

test('the sh blocks name scripts and files that are there', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const commands = blocks('sh').flatMap(({ text }) => text.split(/\n|&&/))
  const run = commands.flatMap(command => /npm (?:run (\w+)|(start|test)\b)/.exec(command)?.slice(1) ?? [])
  for (const name of run.filter(name => name !== undefined)) expect(Object.keys(scripts)).toContain(name)
  expect(run.length).toBeGreaterThan(3)
})
