/** The rooms and who may import whom: docs/design/0001-rooms.md as a test. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { kinds } from '../src/kinds/index.ts'

const src = join(import.meta.dirname, '../src')
const files = globSync('**/*.{ts,cts}', { cwd: src }).sort()

/** Each room, and the rooms whose files its own may import. The vocabulary, `model`, is for everybody. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  model: [],
  config: [],
  kinds: [],
  schedule: [],
  state: [],
  views: ['state', 'exposition'],
  exposition: [],
  server: ['views', 'exposition'],
  monitor: ['schedule', 'state', 'views', 'exposition', 'config', 'kinds', 'server'],
  service: ['monitor', 'config', 'server', 'views'],
  index: ['monitor', 'server', 'kinds'],
  // What others run to watch us: rules, routes and dashboards, as text.
  mixin: [],
  demo: ['service', 'monitor', 'kinds', 'server', 'state', 'views'],
  // `check` asks once, outside of any schedule, and keeps and shows what it hears as the service does.
  cli: ['demo', 'mixin', 'service', 'monitor', 'config', 'kinds', 'server', 'views', 'schedule', 'state'],
  bin: ['cli'],
  // In a package, it stands where the sources of `cli` are in a checkout.
  shipped: ['cli'],
}

/** Each third-party library and its home. */
const homes: Readonly<Record<string, RegExp>> = {
  '@bufbuild/protobuf': /^(exposition|kinds\/grpc)\//,
  bcryptjs: /^server\/access\//,
  commander: /^cli/,
  'dns-packet': /^kinds\/dns\//,
  fastify: /^server\//,
  ioredis: /^kinds\/redis\//,
  pg: /^kinds\/postgres\//,
  pino: /^cli\//,
  'prom-client': /^views\/service\.ts$/,
  re2js: /^kinds\/shared\//,
  undici: /^kinds\/http\//,
  yaml: /^(config\/yaml|mixin)\//,
  zod: /^(config|kinds|model|monitor)\/|^server\/access\/web(file|tls)\.ts$/,
}

interface Import {
  readonly from: string
  readonly to: string
}

const imports: readonly Import[] = files.flatMap(from => {
  const text = readFileSync(join(src, from), 'utf8')
  const found = text.matchAll(/^(?:import|export)\b[^'"`;]*? from '([^']+)'|\bimport\('([^']+)'\)/gm)
  return [...found].map(([, fixed, dynamic]) => ({ from, to: fixed ?? dynamic ?? '' }))
})

function roomOf(file: string): string {
  return file.split('/')[0]?.replace(/\.c?ts$/, '') ?? ''
}

describe('the architecture', () => {
  test('every file is in a room that the design knows', () => {
    expect(files.filter(file => !Object.keys(rooms).includes(roomOf(file)))).toEqual([])
  })

  test('every file imports only from rooms that its own may know', () => {
    const strangers = imports.filter(({ from, to }) => {
      const room = roomOf(from)
      const allowed = [room, 'model', ...(rooms[room] ?? [])]
      return to.startsWith('.') && !allowed.includes(roomOf(relative(src, join(src, dirname(from), to))))
    })
    expect(strangers).toEqual([])
  })

  test('a kind imports no other kind', () => {
    const between = imports.filter(({ from, to }) => {
      const [own, other] = [kindOf(from), kindOf(join(dirname(from), to))]
      return from.startsWith('kinds/') && own !== undefined && other !== undefined && own !== other
    })
    expect(between).toEqual([])
  })

  test('every library has one home, and every dependency is used', () => {
    const foreign = imports.filter(({ to }) => !to.startsWith('.') && !to.startsWith('node:'))
    const lost = foreign.filter(({ from, to }) => !homes[packageOf(to)]?.test(from))
    expect(lost).toEqual([])
    const manifest = JSON.parse(readFileSync(join(src, '../package.json'), 'utf8'))
    const used = new Set(foreign.map(({ to }) => packageOf(to)))
    expect(Object.keys(manifest.dependencies).filter(name => !used.has(name))).toEqual([])
  })

  test('every version is pinned exactly', () => {
    const manifest = JSON.parse(readFileSync(join(src, '../package.json'), 'utf8'))
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([])
  })
})

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}

/** The kind that a file of its room belongs to: `redis/client.ts` is redis's. */
function kindOf(file: string): string | undefined {
  return kinds.map(({ name }) => name).find(kind => new RegExp(`^kinds/${kind}[./]`).test(file))
}
