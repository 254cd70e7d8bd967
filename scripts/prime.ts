/**
 * Keeps what V8 compiles while a built program starts and is asked for everything once. It runs in a process of
 * its own, with the launcher's own way of loading, so that V8 finds the same code under the same flags.
 *
 *     node scripts/prime.ts dist/program
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as Cli from '../src/cli.ts'
import { compiledFolder, createChunks } from '../src/shipped.ts'
import { closedPort, until } from '../test/support/net.ts'

const folder = process.argv[2] ?? ''
const { load, scripts } = createChunks(folder)
const { main } = load('cli.js') as typeof Cli

const target = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1')
await until(() => target.listening, 'the target listens')
const { port } = target.address() as AddressInfo
const dependencies = { api: `http://127.0.0.1:${port}/`, gate: `tcp://127.0.0.1:${port}` }
const temporary = mkdtempSync(join(tmpdir(), 'pulsecheck-build-'))
const config = join(temporary, 'pulsecheck.yml')
// JSON is YAML.
writeFileSync(config, JSON.stringify({ dependencies }))

const address = `127.0.0.1:${await closedPort()}`
const flags = ['--config.file', config, '--web.listen-address', address, '--log.level', 'error']
process.argv.splice(2, process.argv.length, ...flags)
// Compiled code is for the flags that V8 has when it is written: the program must leave them alone (cli/run.ts).
process.env.NODE_OPTIONS = '--max-semi-space-size=0'
void main({ hungUp: () => false })
await until(() => isUp('/readyz'), 'every dependency is up', 60_000)
for (const path of ['/metrics', '/healthz', '/health', '/']) await isUp(path)
rmSync(temporary, { recursive: true })

const compiled = compiledFolder(folder)
mkdirSync(compiled, { recursive: true })
for (const [name, script] of scripts) writeFileSync(join(compiled, `${name}.bin`), script.createCachedData())
process.exit()

async function isUp(path: string): Promise<boolean> {
  return await fetch(`http://${address}${path}`).then(
    async response => (await response.text()) !== '' && response.ok,
    () => false,
  )
}
