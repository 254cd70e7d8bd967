/** What a start loads, counted in modules and not in milliseconds: a driver, TLS or a format only where it is used. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { freshLauncher } from '../../scripts/fresh.ts'
import { closedPort, until } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'

let program: Program | undefined
afterEach(() => program?.remove())

interface Loaded {
  /** Packages, by name. */
  readonly packages: readonly string[]
  /** Public modules of Node. */
  readonly builtins: readonly string[]
  /** Files of ours, from the root. */
  readonly files: readonly string[]
}

/** Runs before anything is loaded, sees every module, and says which when it is told to, or at the end. */
const spy = `
  import { registerHooks } from 'node:module'
  const urls = new Set()
  registerHooks({ load(url, context, next) { urls.add(url); return next(url, context) } })
  const say = () => {
    const builtins = process.moduleLoadList.filter(name => /^NativeModule (?!internal)/.test(name)).map(name => name.slice(13))
    process.stderr.write('LOADED ' + JSON.stringify({ urls: [...urls], builtins }) + '\\n')
  }
  process.on('SIGUSR2', say)
  process.on('exit', say)`
const spying = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(spy)}` }

function parse(output: string): Loaded | undefined {
  const line = /^LOADED (.*)$/m.exec(output)?.[1]
  if (line === undefined) return undefined
  const { urls, builtins }: { urls: string[]; builtins: string[] } = JSON.parse(line)
  const packages = urls.flatMap(url => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  const files = urls.flatMap(url => /(?<!node_modules.*)\/((?:src|dist)\/.*)$/.exec(url)?.[1] ?? [])
  return { packages: [...new Set(packages)].sort(), builtins, files }
}

/** What the service has loaded once every one of these dependencies has been checked, and it has been scraped as text. */
async function loadedWith(dependencies: object, launcher?: string): Promise<Loaded> {
  program = await startProgram({ config: { dependencies }, env: spying, ...(launcher && { launcher }) })
  const { child, get, output } = program
  await until(
    async () => Object.values((await program!.health()).dependencies).every(({ checks }) => checks > 0),
    'every dependency has been checked',
  )
  await get('/metrics', { accept: 'text/plain' })
  child.kill('SIGUSR2')
  await until(() => parse(output().stderr) !== undefined, 'it has said what is loaded')
  return parse(output().stderr)!
}

/** Builtins that take megabytes. */
const isHeavy = (name: string) => ['https', 'http2', 'tls'].includes(name)
const drivers = ['undici', 'pg', 'ioredis', 'dns-packet', '@bufbuild/protobuf', 'bcryptjs']

describe('the service', () => {
  test('with TCP alone loads no driver, no TLS and no compiler of schemas', async () => {
    const loaded = await loadedWith({ a: `tcp://127.0.0.1:${await closedPort()}` })
    console.log(`a start: ${loaded.files.length} files of ours, ${loaded.packages.length} packages`)
    expect(
      loaded.packages.filter(name => [...drivers, 'ajv', 'fast-json-stringify-compiler'].includes(name)),
    ).toEqual([])
    expect(loaded.files.filter(file => file.startsWith('src/demo/'))).toEqual([])
    expect(loaded.files.length).toBeLessThanOrEqual(170)
    expect(loaded.packages.length).toBeLessThanOrEqual(45)
  })

  test('as shipped, with TCP alone, loads nothing of Node for TLS or HTTP/2', {
    timeout: 120_000,
  }, async () => {
    const { builtins } = await loadedWith({ a: `tcp://127.0.0.1:${await closedPort()}` }, freshLauncher())
    expect(builtins.filter(isHeavy)).toEqual([])
  })

  test.each([
    ['undici', { kind: 'http', url: 'http://127.0.0.1:1/' }],
    ['pg', 'postgres://u:p@127.0.0.1:1/x'],
    ['ioredis', 'redis://127.0.0.1:1'],
    ['dns-packet', 'dns://127.0.0.1:1/example.com'],
    ['@bufbuild/protobuf', 'grpc://127.0.0.1:1'],
  ])('loads %s, and no other driver, with a dependency that needs it', async (driver, dependency) => {
    const { packages } = await loadedWith({ a: dependency })
    expect(packages.filter(name => drivers.includes(name))).toEqual([driver])
  })
})

/** What an application has loaded that does nothing but import this file. */
async function loadedBy(file: string): Promise<Loaded> {
  const script = `await import(${JSON.stringify(file)})`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env.PATH ?? '', ...spying },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return parse(stderr)!
}

describe('an application that imports the library loads no driver, no server and nothing of the service', () => {
  const root = join(import.meta.dirname, '../..')

  test('from the sources', async () => {
    const { packages, files, builtins } = await loadedBy(join(root, 'src/index.ts'))
    console.log(`the library: ${files.length} files of ours, packages ${packages.join(', ')}`)
    expect(packages).toEqual(['re2js', 'zod'])
    expect(builtins.filter(isHeavy)).toEqual([])
    expect(files.filter(file => /^src\/(?:cli|config\/yaml|service|demo)\b/.test(file))).toEqual([])
    expect(files.length).toBeLessThanOrEqual(135)
  })

  test('as shipped', { timeout: 120_000 }, async () => {
    const dist = dirname(freshLauncher())
    const { packages, files, builtins } = await loadedBy(join(dist, 'index.js'))
    console.log(`the library as shipped: ${files.length} files, packages ${packages.join(', ')}`)
    expect(packages).toEqual(['re2js', 'zod'])
    expect(builtins.filter(isHeavy)).toEqual([])
    expect(files.length).toBeLessThanOrEqual(16)
  })
})
