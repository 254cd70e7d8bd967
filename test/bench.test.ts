/** Every bench runs, prints its table with the bar it is held to, and ends itself. How fast anything is, is not looked at. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, test } from 'vitest'
import { freshLauncher } from '../scripts/fresh.ts'

const root = join(import.meta.dirname, '..')
/** The least that still goes through every line. */
const tiny: Readonly<Record<string, readonly string[]>> = {
  // The longest comes first, since a few run at a time.
  memory: ['--dependencies=200', '--seconds=0.1'],
  checks: ['--rate=200', '--seconds=0.5', '--rounds=1', '--warmUp=0.5'],
  footprint: ['--dependencies=2', '--minutes=0.02', '--interval=1'],
  cycle: ['--dependencies=5', '--rounds=1'],
  latency: ['--dependencies=5', '--seconds=0.3', '--rate=50', '--readyRate=10'],
  postgres: ['--rounds=1', '--checks=2'],
  probes: ['--rounds=1', '--roundMs=50'],
  redis: ['--rounds=1', '--checks=5'],
  schedule: ['--dependencies=5', '--interval=0.2', '--seconds=3'],
  reload: ['--dependencies=20', '--rounds=1'],
  shards: ['--dependencies=2000', '--shares=5', '--minutes=0.02', '--interval=1'],
  scrape: ['--subjects=5', '--rounds=1'],
  start: ['--rounds=1'],
  embedded: ['--rounds=1', '--roundMs=1000', '--idleMs=1000', '--dependencies=2', '--interval=500'],
}

async function bench(name: string, parameters: readonly string[]) {
  // Node.js warns about options of the environment too; what the bench itself prints is what counts.
  const child = spawn(process.execPath, [join(root, 'bench', `${name}.ts`), ...parameters], {
    cwd: root,
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  })
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { output, errors, code }
}

// What is shipped is built before, since a bench that builds says so.
beforeAll(() => void freshLauncher(), 120_000)

describe('the benches', () => {
  const names = globSync('*.ts', { cwd: join(root, 'bench') })
    .map(file => basename(file, '.ts'))
    .filter(name => name !== 'run')

  test('are all tried here, and have an npm script each', () => {
    expect(Object.keys(tiny).toSorted()).toEqual(names.toSorted())
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const known = Object.keys(scripts).filter(script => script.startsWith('bench:'))
    // The image is measured by `start` and `footprint`, and needs podman.
    const expected = [...names, 'image'].map(name => `bench:${name}`)
    expect(known.toSorted()).toEqual(expected.toSorted())
  })

  test.concurrent.each(Object.entries(tiny))(
    '%s ends itself',
    { timeout: 180_000 },
    async (name, parameters) => {
      const { output, errors, code } = await bench(name, parameters)
      expect({ errors, code }).toEqual({ errors: '', code: 0 })
      expect(output).toMatch(/at (most|least) [\d.]+/)
      expect(output).not.toMatch(/NaN|Infinity|undefined/)
    },
  )

  test('a parameter that a bench does not know is refused', async () => {
    const { errors, code } = await bench('redis', ['--round=1'])
    expect(code).toBe(1)
    expect(errors).toContain("Unknown option '--round'")
  })
})
