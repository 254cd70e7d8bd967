import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { serveAfterHead, serveHttp } from '../support/http.ts'
import { closedPort, serve } from '../support/net.ts'
import { startProgram } from '../support/program.ts'
import { result } from './commands.ts'

const ask = (...flags: readonly string[]) => result({ flags: ['healthcheck', ...flags] })

test('a running instance: alive although not ready', async () => {
  const config = { dependencies: { a: `tcp://127.0.0.1:${await closedPort()}` } }
  const program = await startProgram({ config })
  onTestFinished(program.remove)
  const alive = await ask(program.url)
  expect(alive).toMatchObject({ code: 0, stderr: '' })
  expect(alive.stdout).toMatch(new RegExp(`^${program.url}/healthz: 200 .*\n$`))
  const ready = await ask(program.url, '--ready')
  expect(ready).toMatchObject({ code: 1, stdout: '' })
  expect(ready.stderr).toMatch(new RegExp(`^${program.url}/readyz: 503 .*"a":false.*\n$`))
  expect(await ask(`${program.url}/readyz`)).toMatchObject({ code: 1 })
})

test('nobody there: 1 and one line', async () => {
  const port = await closedPort()
  expect(await ask(`http://127.0.0.1:${port}`)).toEqual({
    code: 1,
    stdout: '',
    stderr: `http://127.0.0.1:${port}/healthz: connect ECONNREFUSED 127.0.0.1:${port}\n`,
  })
})

test.each([
  [200, 0],
  [204, 0],
  [302, 1],
  [404, 1],
  [500, 1],
])('status %i is exit %i', async (status, code) => {
  const server = await serveHttp((_, response) => response.writeHead(status, { location: '/x' }).end())
  onTestFinished(server.stop)
  expect((await ask(server.url)).code).toBe(code)
  expect(server.requests.map(({ url }) => url)).toEqual(['/healthz'])
})

describe('the timeout is for all of the answer', () => {
  test('no answer', async () => {
    const silent = await serve(() => {})
    onTestFinished(silent.close)
    const { code, stderr } = await ask(`http://127.0.0.1:${silent.port}`, '--timeout', '300ms')
    expect(code).toBe(1)
    expect(stderr).toMatch(/no answer within 300ms\n$/)
  })

  test('an answer that never ends', async () => {
    const drip = await serveAfterHead(socket => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const timer = setInterval(() => socket.write('x'), 20)
      socket.once('close', () => clearInterval(timer))
    })
    onTestFinished(drip.close)
    const { code, stderr } = await ask(`http://127.0.0.1:${drip.port}`, '--timeout', '300ms')
    expect(code).toBe(1)
    expect(stderr).toMatch(/no answer within 300ms\n$/)
  })
})

test('https: a certificate of nobody is refused, and taken with --insecure', async () => {
  const { certPem, keyPem } = createAuthority().issue({ names: ['127.0.0.1'] })
  const server = await serveHttp((_, response) => response.end('ok'), { cert: certPem, key: keyPem })
  onTestFinished(server.stop)
  const refused = await ask(server.url)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/certificate/)
  expect(await ask(server.url, '--insecure')).toMatchObject({
    code: 0,
    stdout: `${server.url}/healthz: 200 ok\n`,
  })
})

test.each(['localhost:9797', 'ftp://127.0.0.1', 'x'])('2 for %s, which is no URL to ask', async url => {
  expect((await ask(url)).code).toBe(2)
})

test('a secret in the URL is in no output, and an answer moves no cursor', async () => {
  const server = await serveHttp((_, response) => response.writeHead(500).end('a\r\n\x1b[2Jb'))
  onTestFinished(server.stop)
  const { stderr } = await ask(server.url.replace('//', '//user:canary-secret@'))
  expect(stderr).toBe(`${server.url}/healthz: 500 a [2Jb\n`)
})

test('it starts with nothing but commander and what Node brings', () => {
  expect(loadedBy('cli.ts', 'cli/healthcheck.ts')).toEqual(new Set(['commander']))
})

/** The libraries that these files of `src` load when they are loaded, by themselves and by what they import. */
function loadedBy(...files: readonly string[]): Set<string> {
  const src = join(import.meta.dirname, '../../src')
  const libraries = new Set<string>()
  const seen = new Set<string>()
  const visit = (file: string) => {
    if (seen.has(file)) return
    seen.add(file)
    const imports = readFileSync(join(src, file), 'utf8').matchAll(
      /^(import|export)\b([^'"`;]*?) from '([^']+)'/gm,
    )
    for (const [, , names, to = ''] of imports) {
      if (names?.startsWith(' type ')) continue
      if (to.startsWith('.')) visit(join(dirname(file), to))
      else if (!to.startsWith('node:')) libraries.add(to)
    }
  }
  for (const file of files) visit(file)
  return libraries
}
