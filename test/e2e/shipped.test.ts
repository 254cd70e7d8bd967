/** The program as it is shipped: a bundle with compiled code, whose threads, page and stack traces work as those of the sources. */
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import bcrypt from 'bcryptjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { freshLauncher } from '../../scripts/fresh.ts'
import { readableStack } from '../../src/cli/ending.ts'
import { createAuthority } from '../support/certificates.ts'
import { type Program, type ProgramOptions, startProgram } from '../support/program.ts'

let launcher = ''
let program: Program | undefined
beforeAll(() => {
  launcher = freshLauncher()
}, 120_000)
afterEach(() => program?.remove())

async function start(options: ProgramOptions): Promise<Program> {
  program = await startProgram({ ...options, launcher })
  return program
}

const folder = () => join(dirname(launcher), 'program')

test('no line of the library is long: Node.js prints the one that throws', () => {
  const files = globSync('*.js', { cwd: dirname(launcher) })
  const lines = files.flatMap(file => readFileSync(join(dirname(launcher), file), 'utf8').split('\n'))
  expect(files).toContain('index.js')
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(2_000)
})

describe('the shipped program', () => {
  test('names the libraries that it contains, for people and for scanners', () => {
    const licenses = readFileSync(join(folder(), 'LICENSES.txt'), 'utf8')
    const materials = JSON.parse(readFileSync(join(folder(), 'pulsecheck.cdx.json'), 'utf8'))
    const names: string[] = materials.components.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['fastify', 'ioredis', 'pg', 'undici', 'yaml', 'zod']))
    for (const {
      name,
      version,
      purl,
      licenses: [{ expression }],
    } of materials.components) {
      expect(licenses).toContain(`${name} ${version} (${expression})\n`)
      expect(purl).toBe(`pkg:npm/${name.replace('@', '%40')}@${version}`)
    }
    expect(materials.metadata.component.name).toBe('pulsecheck')
  })

  test('serves metrics, and a page with all that it loads', async () => {
    const { get } = await start({ config: { dependencies: { a: 'tcp://127.0.0.1:1' } } })
    expect((await get('/metrics')).text).toContain('dependency_critical{dependency="a",kind="tcp"} 1')
    const page = (await get('/')).text
    const assets = [...page.matchAll(/(?:src|href)="(\/?[\w./-]+\.(?:js|css|svg))"/g)].map(
      ([, path]) => path!,
    )
    expect(assets.length).toBeGreaterThan(1)
    for (const asset of assets) expect((await get(`/${asset.replace(/^\//, '')}`)).status).toBe(200)
  })

  test('compares passwords in a thread', async () => {
    const web = stringify({ basic_auth_users: { scraper: bcrypt.hashSync('right', 4) } })
    const flags = ['--web.config.file', 'web.yml']
    const { get } = await start({
      config: { dependencies: { a: 'tcp://127.0.0.1:1' } },
      files: { 'web.yml': web },
      flags,
    })
    const authorization = (password: string) => ({
      authorization: `Basic ${Buffer.from(`scraper:${password}`).toString('base64')}`,
    })
    expect((await get('/metrics', authorization('right'))).status).toBe(200)
    expect((await get('/metrics', authorization('wrong'))).status).toBe(401)
  })

  test('speaks TLS, and asks an instance that does whether it is alive', async () => {
    const authority = createAuthority()
    const { certPem, keyPem } = authority.issue()
    authority.remove()
    const { url } = await start({
      config: { dependencies: { a: 'tcp://127.0.0.1:1' } },
      files: { 'web.yml': stringify({ tls_server_config: { cert: certPem, key: keyPem } }) },
      flags: ['--web.config.file', 'web.yml'],
    })
    const asking = [launcher, 'healthcheck', '--insecure', url]
    expect(execFileSync(process.execPath, asking, { encoding: 'utf8' })).toMatch(/^https:.* 200/)
  })

  test('reads a long config in a thread', async () => {
    const names = Array.from({ length: 6_000 }, (_, i) => `a-dependency-with-a-name-that-is-long-${i}`)
    const dependencies = Object.fromEntries(names.map(name => [name, 'tcp://127.0.0.1:1']))
    const { get } = await start({ config: { defaults: { interval: '5m' }, dependencies } })
    expect((await get('/healthz')).status).toBe(200)
  })

  test('runs code that was compiled at the build', () => {
    const shipped = JSON.stringify(join(import.meta.dirname, '../../src/shipped.ts'))
    const script = `const { createChunks } = await import(${shipped})
      const { load, scripts } = createChunks(${JSON.stringify(folder())})
      load('cli.js')
      console.log([...scripts.values()].map(script => script.cachedDataRejected).join())`
    const rejected = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    expect(rejected.trim()).toMatch(/^false(,false)*$/)
  })

  test('comes with a library that imports what the package depends on, and nothing else', async () => {
    const { dependencies } = JSON.parse(readFileSync(join(folder(), '../../package.json'), 'utf8'))
    const texts = globSync('*.js', { cwd: dirname(launcher) }).map(file =>
      readFileSync(join(dirname(launcher), file), 'utf8'),
    )
    const imported = texts.flatMap(text => [
      ...text.matchAll(/(?<!\.)(?:from|import)\s*\(?"((?!node:)[a-z@][^"]*)"/g),
    ])
    const packages = imported.map(([, name = '']) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    )
    expect(packages.filter(name => !Object.hasOwn(dependencies, name))).toEqual([])
    expect(packages).toContain('zod')
    expect(await import(join(dirname(launcher), 'index.js'))).toHaveProperty('createMonitor')
  })

  test('has no character that takes more than a byte', () => {
    for (const file of globSync('*.js', { cwd: folder() }))
      expect(readFileSync(join(folder(), file), 'latin1')).toMatch(/^\p{ASCII}*$/u)
  })

  test('names the places of its sources in stack traces', () => {
    const [file = ''] = globSync('run-*.js', { cwd: folder() })
    const lines = readFileSync(join(folder(), file), 'utf8').split('\n')
    const line = lines.findIndex(text => text.includes('function firstSignal'))
    const column = lines[line]!.indexOf('function firstSignal')
    const stack = readableStack(
      Object.assign(new Error('x'), {
        stack: `Error: x\n    at firstSignal (${join(folder(), file)}:${line + 1}:${column + 1})`,
      }),
    )
    expect(stack).toMatch(/^Error: x\n {4}at firstSignal \(src\/cli\/run\.ts:\d+:\d+\)$/)
    expect(basename(file)).not.toBe('')
  })
})
