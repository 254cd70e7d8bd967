/**
 * Installs the packed package in fresh projects, beside several versions of what applications have, compiles the samples
 * there, strictly and in both ways to resolve modules, and runs one in JavaScript. It needs the npm registry.
 *
 *     npm run verify:package
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..')
const samples = join(root, 'test/package')

/** Versions side by side: the oldest that are promised, what is common, and the newest. */
const projects = [
  {
    fastify: '5.6.0',
    zod: '4.0.5',
    typescript: '5.7.3',
    '@types/node': '22.20.5',
    pg: '8.11.3',
    '@types/pg': '8.11.6',
    ioredis: '5.4.1',
    'prom-client': '15.0.0',
  },
  {
    fastify: '5.10.0',
    zod: '3.25.76',
    typescript: '5.9.3',
    '@types/node': '24.19.2',
    pg: '8.16.3',
    '@types/pg': '8.15.5',
    ioredis: '5.8.0',
    'prom-client': '15.1.3',
  },
  {
    fastify: '5.12.7',
    zod: '4.6.7',
    typescript: '7.0.2',
    '@types/node': '24.19.2',
    pg: '8.23.1',
    '@types/pg': '8.23.1',
    ioredis: '6.0.0',
    'prom-client': '15.1.3',
  },
  {
    fastify: '5',
    zod: '4',
    typescript: '7',
    '@types/node': '26',
    pg: '8',
    '@types/pg': '8',
    ioredis: '6',
    'prom-client': '15',
  },
] as const

/**
 * What else the examples use, in the versions that the tests run. Koa is missing: its own types need
 * `skipLibCheck`.
 */
const others = [
  ...['express', '@types/express', 'hono', '@hono/node-server'],
  ...['@nestjs/core', '@nestjs/common', '@nestjs/platform-express', 'reflect-metadata', 'rxjs'],
]
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const common = Object.fromEntries(others.map(name => [name, devDependencies[name]]))

const execute = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-package-'))
try {
  const tarball = await pack()
  await Promise.all(projects.map(versions => verify(tarball, versions)))
  process.stdout.write('the package compiles and runs beside all of them\n')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function pack(): Promise<string> {
  const printed = await npm(['pack', '--json', '--pack-destination', folder], root)
  const [{ filename }] = JSON.parse(printed.slice(printed.indexOf('[\n')))
  return join(folder, filename)
}

async function verify(tarball: string, versions: (typeof projects)[number]): Promise<void> {
  const names = Object.entries({ ...common, ...versions }).map(([name, version]) => `${name}@${version}`)
  const project = mkdtempSync(join(folder, 'project-'))
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'application', type: 'module', private: true }),
  )
  await npm(
    ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', tarball, ...names],
    project,
  )
  cpSync(samples, project, { recursive: true })
  mkdirSync(join(project, 'examples'))
  for (const file of readdirSync(join(root, 'examples')).filter(
    file => file.endsWith('.ts') && file !== 'koa.ts',
  ))
    cpSync(join(root, 'examples', file), join(project, 'examples', file))
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['preserve', 'bundler'],
  ] as const) {
    const compilerOptions = {
      ...{ module, moduleResolution, target: 'es2023', lib: ['es2023', 'esnext.disposable', 'dom'] },
      ...{
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        types: ['node'],
      },
    }
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['*.ts', 'examples'] }),
    )
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], project)
    tell(versions, moduleResolution)
  }
  await run(process.execPath, ['sample.js'], project)
  tell(versions, 'sample.js')
  checkLinks(project)
  checkDeclarations(project)
}

/** No declaration that an application compiles names a library, however it is installed. */
function checkDeclarations(project: string): void {
  const dist = join(project, 'node_modules/pulsecheck/dist')
  const seen = new Set(['index.d.ts'])
  for (const file of seen) {
    const text = readFileSync(join(dist, file), 'utf8')
    for (const [, specifier = ''] of text.matchAll(/(?:from |import\()['"]([^'"]+)['"]/g)) {
      if (specifier.startsWith('node:')) continue
      if (!specifier.startsWith('.')) throw new Error(`${file} names ${specifier}`)
      seen.add(join(dirname(file), specifier.replace(/\.(?:ts|js)$/, '.d.ts')))
    }
  }
}

/** Every relative link of the README leads to a file of the package. */
function checkLinks(project: string): void {
  const inside = join(project, 'node_modules/pulsecheck')
  const text = readFileSync(join(inside, 'README.md'), 'utf8')
  const files = new Set(readdirSync(inside, { recursive: true, encoding: 'utf8' }))
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target = '']) => target)
  const broken = links.filter(target => !files.has(target.replace(/\/$/, '')))
  if (broken.length > 0) throw new Error(`links of the README that lead nowhere: ${broken.join(', ')}`)
}

function tell({ fastify, zod, typescript }: (typeof projects)[number], what: string): void {
  process.stdout.write(`fastify ${fastify}, zod ${zod}, TypeScript ${typescript}: ${what} ok\n`)
}

function npm(args: readonly string[], cwd: string): Promise<string> {
  return run('npm', args, cwd)
}

/** @throws Error with what the program printed. */
async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { cwd, encoding: 'utf8', timeout: 600_000 })
    return stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
  }
}
