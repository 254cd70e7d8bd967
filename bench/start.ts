/**
 * From exec to the first 200 of `/healthz`, as shipped (`dist/`, compile cache primed by the first start), beside a bare
 * `node:http` server that answers the same path.
 *
 *     node bench/start.ts [rounds = 15]
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const [rounds = 15] = process.argv.slice(2).map(Number)
const root = join(import.meta.dirname, '..')
if (!existsSync(join(root, 'dist/bin.cjs')))
  execFileSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit' })
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bench-'))
const config = join(folder, 'pulsecheck.yml')
writeFileSync(config, 'dependencies:\n  db: postgres://u:p@127.0.0.1:1/x\n  cache: redis://127.0.0.1:1\n')
const bare = join(folder, 'bare.mjs')
writeFileSync(
  bare,
  "import { createServer } from 'node:http'\ncreateServer((q, r) => r.end('ok')).listen(Number(process.argv[2]), '127.0.0.1')\n",
)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    get({ host: '127.0.0.1', port, path: '/healthz' }, response =>
      resolve(response.resume().statusCode === 200),
    ).on('error', () => resolve(false))
  })
}

async function start(args: (port: number) => readonly string[]): Promise<number> {
  const port = await freePort()
  const started = performance.now()
  const child: ChildProcess = spawn(process.execPath, args(port), {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(folder, 'cache') },
  })
  while (!(await answers(port))) await new Promise(resolve => setTimeout(resolve, 1))
  const took = performance.now() - started
  // An orderly end, since the compile cache is written then.
  child.kill('SIGTERM')
  await once(child, 'exit')
  return took
}

const ours = (port: number) => [
  join(root, 'dist/bin.cjs'),
  '--config.file',
  config,
  '--web.listen-address',
  `127.0.0.1:${port}`,
]
const theirs = (port: number) => [bare, String(port)]
const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

try {
  await start(ours)
  const [mine, peer]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    mine.push(await start(ours))
    peer.push(await start(theirs))
  }
  const ratio = median(mine) / median(peer)
  console.log(
    `start to the first 200, median of ${rounds}: pulsecheck ${median(mine).toFixed(0)} ms   node:http ${median(peer).toFixed(0)} ms   ratio ${ratio.toFixed(2)}   (bar: at most 150 ms)`,
  )
} finally {
  rmSync(folder, { recursive: true })
}
