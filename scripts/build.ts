/**
 * Builds `dist/`: the program, which is `bin.cjs` and `program/`, a few files that contain its libraries, with the code
 * that V8 compiled from them; and the library, which is `index.js` and its types, and imports its libraries.
 *
 *     node scripts/build.ts [--program]
 *
 * With `--program`, it leaves the types out, and takes a few seconds less. The new `dist/` takes the place of the old one at once.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { parseArgs } from 'node:util'
import { type OutputChunk, type OutputOptions, type Plugin, rolldown } from 'rolldown'
import { librariesOf, licensesOf, materialsOf } from './contents.ts'
import { fingerprint, stamp } from './fresh.ts'
import { buildTypes } from './types.ts'

const root = join(import.meta.dirname, '..')
const dist = mkdtempSync(join(root, 'dist-'))
const { values } = parseArgs({ options: { program: { type: 'boolean', default: false } } })
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Names stay, so that stack traces can be read without a source map too. */
const output: OutputOptions = {
  sourcemap: true,
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
}

/**
 * What the program uses of libraries whose main file loads all that they can do, in modules that export the same. At 10
 * dependencies, the rest of them took 10 MiB.
 */
const parts: Readonly<Record<string, string>> = {
  undici: `export { default as Client } from 'undici/lib/dispatcher/client.js'
    export { default as errors } from 'undici/lib/core/errors.js'`,
  'prom-client': `export { default as Registry } from 'prom-client/lib/registry.js'
    export { default as collectDefaultMetrics } from 'prom-client/lib/defaultMetrics.js'`,
  // No route has a schema, and no request is injected (server/router.ts).
  '@fastify/ajv-compiler': 'export {}',
  '@fastify/fast-json-stringify-compiler': 'export {}',
  'light-my-request': 'export {}',
  'node:https': 'export {}',
  'node:http2': 'export {}',
  // prom-client looks for the span that an exemplar belongs to; there is none.
  '@opentelemetry/api':
    'export const trace = { getSpan: () => undefined }; export const context = { active: () => ({}) }',
}

/** Fastify listens nowhere itself: we do. What it would listen with over TLS takes 8 MiB. */
const fastifyServer = /fastify\/lib\/server\.js$/

const inParts: Plugin = {
  name: 'parts',
  resolveId: (id, importer = '') =>
    Object.hasOwn(parts, id) && (!id.startsWith('node:') || fastifyServer.test(importer))
      ? `\0part:${id}`
      : undefined,
  load: id => (id.startsWith('\0part:') ? parts[id.slice('\0part:'.length)] : undefined),
}

/** What sources read beside themselves, as a file of the bundle finds it. */
const places: Readonly<Record<string, string>> = {
  "new URL('../page/browser/', import.meta.url)": "new URL('./browser/', import.meta.url)",
  // The root of the package is as far from a file of the bundle as from one of the sources.
  "new URL('../../', import.meta.url)": "new URL('./../../', import.meta.url)",
  "readFileSync(new URL('../../package.json', import.meta.url), 'utf8')": `'{"version":"${version}"}'`,
}

const bundled: Plugin = {
  name: 'bundled',
  transform(code, id) {
    if (!id.startsWith(join(root, 'src'))) return undefined
    const replaced = Object.entries(places).reduce((text, [from, to]) => text.replace(from, to), code)
    // The root of the package is as far from a file of the program as from one of a room.
    const strays = replaced.match(/new URL\('\.\.\/(?!\.\.\/').*/)
    if (strays !== null) throw new Error(`${id}: the bundle would not find ${strays}`)
    return replaced === code ? undefined : { code: replaced, map: null }
  },
  // V8 keeps a source that has one character beyond Latin-1 in two bytes for each: twice the memory, for good.
  generateBundle(_, files) {
    for (const file of Object.values(files))
      if (file.type === 'chunk') file.code = escapeBeyondAscii(file.code)
  },
}

/** In a bundle, such characters stand in strings, templates, patterns and comments alone. */
function escapeBeyondAscii(code: string): string {
  return code.replace(/[\u0080-\uffff]/g, sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The launcher finds the program here in place of its sources. */
const shipped: Plugin = {
  name: 'shipped',
  resolveId: id => (id === './cli.ts' ? join(root, 'src/shipped.ts') : undefined),
}

const workers = {
  'thread-worker': 'src/config/yaml/thread-worker.ts',
  'bcrypt-worker': 'src/server/access/bcrypt-worker.ts',
}

interface Part {
  readonly input: Readonly<Record<string, string>>
  readonly folder: string
  readonly plugins?: readonly Plugin[]
  /** Packages that are not bundled. */
  readonly external: RegExp
  readonly output: OutputOptions
}

async function bundle({ input, folder, plugins = [], external, output: own }: Part): Promise<OutputChunk[]> {
  const build = await rolldown({
    cwd: root,
    input: { ...input },
    platform: 'node',
    external,
    plugins: [...plugins, bundled],
    onwarn({ code, message }) {
      // The library loads later what the program needs at once.
      if (code !== 'INEFFECTIVE_DYNAMIC_IMPORT') throw new Error(message)
    },
  })
  const { output: files } = await build.write({ ...output, ...own, dir: join(dist, folder) })
  await build.close()
  return files.filter(file => file.type === 'chunk')
}

/** Drivers ask for these where they are installed, which they are not. */
const never = /^(pg-native|pg-cloudflare)$/

async function buildProgram(): Promise<void> {
  const plain = { format: 'cjs', chunkFileNames: '[name]-[hash].js' } as const
  const chunks = await bundle({
    input: { cli: 'src/cli.ts', ...workers },
    folder: 'program',
    plugins: [inParts],
    external: never,
    output: plain,
  })
  await bundle({
    input: { bin: 'src/bin.cts' },
    folder: '.',
    plugins: [shipped],
    external: never,
    output: { ...plain, entryFileNames: '[name].cjs', codeSplitting: false },
  })
  writeFileSync(join(dist, 'program/package.json'), '{"type":"commonjs"}\n')
  const libraries = librariesOf(chunks.flatMap(({ modules }) => Object.keys(modules)))
  writeFileSync(join(dist, 'program/LICENSES.txt'), licensesOf(libraries))
  writeFileSync(join(dist, 'program/pulsecheck.cdx.json'), JSON.stringify(materialsOf(version, libraries)))
  cpSync(join(root, 'src/server/page/browser'), join(dist, 'program/browser'), pageOnly)
  chmodSync(join(dist, 'bin.cjs'), 0o755)
  chmodSync(dist, 0o755)
  execFileSync(execPath, [join(root, 'scripts/prime.ts'), join(dist, 'program')], {
    cwd: root,
    stdio: 'inherit',
  })
}

const pageOnly = { recursive: true, filter: (file: string) => !file.endsWith('.json') }

async function buildLibrary(): Promise<void> {
  await bundle({
    input: { index: 'src/index.ts', 'bcrypt-worker': workers['bcrypt-worker'] },
    folder: '.',
    // What the bundler adds of its own is no dependency of the package.
    external: /^(?!\0|@oxc-project\/)[^./]/,
    // Node.js prints the line that throws above an uncaught error, so that lines must be short.
    output: {
      format: 'esm',
      chunkFileNames: '[name]-[hash].js',
      minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
    },
  })
  cpSync(join(root, 'src/server/page/browser'), join(dist, 'browser'), pageOnly)
}

const print = fingerprint()
try {
  await buildProgram()
  await buildLibrary()
  if (!values.program) buildTypes(dist)
  stamp(dist, print)
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  renameSync(dist, join(root, 'dist'))
} finally {
  rmSync(dist, { recursive: true, force: true })
}
