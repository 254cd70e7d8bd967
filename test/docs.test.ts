/** The documents against the code, in both directions. What follows from the code alone stands in generated tables. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exitCodes } from '../src/cli/ending.ts'
import { createProgram } from '../src/cli/program.ts'
import { kinds } from '../src/kinds/index.ts'
import { phases, skipCauses } from '../src/model/dependency.ts'
import { reasons } from '../src/model/failure.ts'
import { createMonitor } from '../src/monitor.ts'
import { webFileSchema } from '../src/server/access/webfile.ts'
import { defaultLimits } from '../src/server/http/limits.ts'
import { maxStreams } from '../src/server/page/feed.ts'
import { routes } from '../src/server/routes/routes.ts'
import { dependencyFamilies, measurementFamilies } from '../src/views/families.ts'
import { selfFamilies } from '../src/views/self.ts'
import { createProcessMetrics, reloadFamilies } from '../src/views/service.ts'
import { blocksOf, documents, headings, prose, quoted, read, root, rowsUnder } from './docs/documents.ts'
import { tables, tablesIn } from './docs/tables.ts'

const pages = [...readdirSync(join(root, 'docs/design')).map(name => `docs/design/${name}`), 'docs/faults.md']
const everything = documents.map(read).join('\n')

describe('generated tables', () => {
  const current = tables()
  const standing = documents.flatMap(file =>
    [...tablesIn(read(file))].map(([name, text]) => ({ name, file, text })),
  )

  test('every table is up to date (else: node test/docs/write.ts)', () => {
    for (const { name, file, text } of standing) expect(text, `${name} in ${file}`).toBe(current.get(name))
  })

  test('every table stands in a document', () => {
    const missing = [...current.keys()].filter(name => !standing.some(table => table.name === name))
    expect(missing).toEqual([])
  })
})

test('every kind has a section of its name with an example', () => {
  const sections = headings('docs/configuration.md')
  const examples = blocksOf('docs/configuration.md').filter(({ language }) => language === 'yaml')
  for (const { name: kind } of kinds) {
    expect(sections).toContain(kind)
    expect(examples.map(({ section }) => section)).toContain(kind)
  }
})

describe('words of the code that stand in the documents', () => {
  test('every flag is one of the program', () => {
    const program = createProgram()
    const all = [program, ...program.commands].flatMap(({ options }) => options.map(({ long }) => long))
    const v8 = ['--max-semi-space-size', '--max-old-space-size']
    const foreign = ['--enable-feature', '--apiserver', '--config.file=prometheus.yml', ...v8]
    const named = [...everything.matchAll(/(?<![\w-])--[a-z][a-z.-]*[a-z](?:=\S+)?/g)].map(([flag]) => flag)
    const unknown = named.filter(flag => !foreign.some(each => flag.startsWith(each)) && !all.includes(flag))
    expect(unknown).toEqual([])
    expect(named.length).toBeGreaterThan(10)
  })

  test('every command is one of the program', () => {
    const commands = createProgram().commands.map(command => command.name())
    const named = [...everything.matchAll(/(?:`|^|\$ )pulsecheck ([a-z]+)/gm)].map(([, name]) => name)
    expect(named.filter(name => !commands.includes(name ?? ''))).toEqual([])
    expect(named).toContain('validate')
  })

  test('every metric is one that is exposed', async () => {
    /** The name of a tag in Datadog, which looks like a metric. */
    const tags = ['pulsecheck_version']
    const measured = kinds.flatMap(({ name, measurements = {} }) => measurementFamilies(name, measurements))
    const own = await createProcessMetrics()
    const families = [...dependencyFamilies, ...measured, ...selfFamilies, ...reloadFamilies, ...own.families]
    const exposed = families.flatMap(({ name, type }) =>
      type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    )
    const named = [
      ...everything.matchAll(
        /(?<!dependency:)\b(?:dependency|pulsecheck|process|nodejs)_[a-z_]*[a-z]\b(?!\*)/g,
      ),
    ]
    const unknown = named.map(([name]) => name).filter(name => ![...exposed, ...tags].includes(name))
    expect(unknown).toEqual([])
    expect(named.length).toBeGreaterThan(60)
  })

  test('every reason, cause and phase is explained', () => {
    const words = quoted(prose('docs/metrics.md'))
    for (const word of [...reasons, ...skipCauses, ...phases]) expect(words).toContain(word)
  })

  test('every exit code is explained', () => {
    const codes = rowsUnder('docs/configuration.md', 'Exit codes').map(([code]) => code)
    expect(codes).toEqual([...Object.values(exitCodes).map(String), '130, 143'])
  })

  test('every limit against clients has the value that is written', () => {
    const limits = defaultLimits
    const { headersMs, headerBytes, headerCount, requestMs, silenceMs, answerMs, idleMs } = limits
    const seconds = (ms: number) => `${ms / 1_000} s`
    const values = rowsUnder('docs/operating.md', 'Client limits').map(([, value]) => value?.split('; ')[0])
    expect(values).toEqual([
      `within ${seconds(headersMs)}, ${headerBytes / 1_024} KiB, ${headerCount} of them`,
      `within ${seconds(requestMs)}`,
      seconds(silenceMs),
      `within ${seconds(answerMs)}`,
      seconds(idleMs),
      String(limits.pipelined),
      limits.connections.toLocaleString('en'),
      `${limits.deliveries}, ${limits.unsentBytes / 2 ** 20} MiB in all`,
      String(maxStreams),
    ])
  })

  test('every key of the web config file is explained, and no other', () => {
    const documented = rowsUnder('docs/configuration.md', 'Web config file').flatMap(([keys]) =>
      quoted(keys ?? ''),
    )
    const schema = z.toJSONSchema(webFileSchema('.'), { io: 'input', unrepresentable: 'any' }) as Node
    expect(documented.toSorted()).toEqual(leavesOf(schema).toSorted())
  })

  test('every endpoint of the README answers, and no other does', async () => {
    const rows = rowsUnder('README.md', 'Endpoints')
    const documented = rows.flatMap(row => quoted(row.join(' '))).filter(word => word.startsWith('/'))
    expect(documented.toSorted()).toEqual((await routesOf()).toSorted())
  })
})

interface Node {
  readonly properties?: Readonly<Record<string, Node>>
}

/** The keys that hold values; of `headers`, which has a closed set of keys, the map itself. */
function leavesOf({ properties = {} }: Node, path = ''): readonly string[] {
  return Object.entries(properties).flatMap(([key, node]) =>
    node.properties === undefined || key === 'headers' ? [`${path}${key}`] : leavesOf(node, `${path}${key}.`),
  )
}

/** The routes of a monitor that has all of them, as the README writes them. */
async function routesOf(): Promise<readonly string[]> {
  const app = fastify()
  const urls = new Set<string>()
  app.addHook('onRoute', ({ url }) => void urls.add(url.replace(/:(\w+)/, '<$1>')))
  const monitor = createMonitor({ dependencies: {} })
  await app.register(routes(monitor, { config: () => ({}), reload: async () => ({ ok: true }) }))
  await app.close()
  return [...urls]
}

describe('links', () => {
  const links = [...documents, 'CHANGELOG.md', ...pages].flatMap(file =>
    [...prose(file).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, target = '']) => ({ file, target })),
  )

  test('every link leads somewhere', () => {
    expect(links.filter(link => !leads(link))).toEqual([])
    expect(links.length).toBeGreaterThan(40)
  })
})

/** Whether a link's file or folder is there, and has the heading that it names. */
function leads({ file, target }: { readonly file: string; readonly target: string }): boolean {
  const [path = '', anchor] = target.split('#')
  const page = path === '' ? file : join(dirname(file), path)
  if (!existsSync(join(root, page))) return false
  if (path.endsWith('/')) return statSync(join(root, page)).isDirectory()
  return anchor === undefined || headings(page).map(slug).includes(anchor)
}

/** The anchor that a heading gets on the usual hosts. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}
