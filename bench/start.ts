/**
 * From exec to the first 200 of `/healthz`, as shipped (`dist/`, compile cache primed by the first start), beside a bare
 * `node:http` server that answers the same path.
 *
 *     node bench/start.ts [--rounds=15]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freshLauncher } from '../scripts/fresh.ts'
import { closedPort } from '../test/support/net.ts'
import { parameters } from './support/parameters.ts'
import { line, takeTurns } from './support/turns.ts'

const { rounds } = parameters({ rounds: 15 })
const launcher = freshLauncher()
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bench-'))
const config = join(folder, 'pulsecheck.yml')
writeFileSync(config, 'dependencies:\n  db: postgres://u:p@127.0.0.1:1/x\n  cache: redis://127.0.0.1:1\n')
const bare = join(folder, 'bare.mjs')
writeFileSync(
  bare,
  "import { createServer } from 'node:http'\ncreateServer((q, r) => r.end('ok')).listen(Number(process.argv[2]), '127.0.0.1')\n",
)

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    get({ host: '127.0.0.1', port, path: '/healthz' }, response =>
      resolve(response.resume().statusCode === 200),
    ).on('error', () => resolve(false))
  })
}

async function start(args: (port: number) => readonly string[]): Promise<number> {
  const port = await closedPort()
  const started = performance.now()
  const child: ChildProcess = spawn(process.execPath, args(port), {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(folder, 'cache') },
  })
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  const took = performance.now() - started
  // An orderly end, since the compile cache is written then.
  child.kill('SIGTERM')
  await once(child, 'exit')
  return took
}

const ours = (port: number) => [
  launcher,
  '--config.file',
  config,
  '--web.listen-address',
  `127.0.0.1:${port}`,
]
const theirs = (port: number) => [bare, String(port)]
try {
  const turns = await takeTurns(
    rounds,
    () => start(ours),
    () => start(theirs),
  )
  console.log(`start to the first 200 (ms), median of ${rounds}`)
  console.table({ start: line('node:http', turns, 'pulsecheck at most 150 ms') })
} finally {
  rmSync(folder, { recursive: true })
}
