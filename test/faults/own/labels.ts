/** What others write into names, labels, errors; and secrets. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority } from '../../support/certificates.ts'
import { serveHttp } from '../../support/http.ts'
import { serve, until } from '../../support/net.ts'
import { type Program, startProgram } from '../../support/program.ts'
import { defaults, type OwnPart } from './play.ts'

const secrets = 'test/e2e/secrets.test.ts: %s is in no output'

export const labels: OwnPart = {
  title: 'Labels, secrets, injection',
  plays: [
    {
      id: 'L4',
      fault: 'a server fails in different words each time',
      promise: 'the number of series does not change',
      play: changeWords,
    },
    {
      id: 'L7',
      fault: 'a server repeats our password in its error',
      promise: 'the password is in no output',
      play: echoPassword,
    },
    {
      id: 'T11',
      fault: 'NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment, and a server that nobody vouches for',
      promise: 'the server is refused all the same',
      play: ignoreEnvironment,
    },
  ],
  unplayed: [
    {
      id: 'L1, L2',
      fault: 'quotes, line breaks, NUL and objects as values of labels',
      why: 'valid expositions that differ wherever the values do',
      heldBy: [
        'test/exposition/spelling.test.ts: control characters that differ stay different',
        'test/exposition/spelling.test.ts: an object is its text, and its text is escaped',
      ],
    },
    {
      id: 'L3',
      fault: 'values that look like several labels',
      why: 'different values are different series',
      heldBy: ['test/exposition/round-trip.test.ts: text 0.0.4'],
    },
    { id: 'L5', fault: 'secrets in every place that may hold one', why: 'in no output', heldBy: [secrets] },
    {
      id: 'L6',
      fault: 'errors of drivers, which hold passwords',
      why: 'never logged; what is shown is our own words',
      heldBy: [secrets],
    },
    {
      id: 'L8',
      fault: 'process listings, crash reports',
      why: 'no secret is taken from the command line; a memory dump holds secrets, as with any program',
    },
  ],
}

async function runWith<T>(
  dependency: object,
  env: Readonly<Record<string, string>>,
  act: (program: Program) => Promise<T>,
): Promise<T> {
  const program = await startProgram({
    config: { defaults, dependencies: { subject: dependency } },
    env,
    flags: ['--log.level', 'debug'],
  })
  try {
    await until(async () => (await program.health()).dependencies.subject?.status === 'down', 'it is down')
    return await act(program)
  } finally {
    await program.remove()
  }
}

async function changeWords(): Promise<string> {
  let times = 0
  const target = await serve(socket => {
    socket.once('data', () => socket.end(`-ERR ${++times} ${crypto.randomUUID()}\r\n`))
  })
  try {
    return await runWith({ kind: 'redis', url: `redis://127.0.0.1:${target.port}` }, {}, async program => {
      const series = async () =>
        (await program.get('/metrics')).text.split('\n').filter(line => line.startsWith('dependency_')).length
      const before = await series()
      const from = times
      await sleep(5_000)
      assert.ok(times > from + 4, 'the server was not asked')
      assert.equal(await series(), before, 'number of series')
      return `${before} series before and after ${times - from} different errors`
    })
  } finally {
    await target.close()
  }
}

async function echoPassword(): Promise<string> {
  const password = 'canary-7c1f9d'
  const server = await serveHttp(({ headers }, response) => {
    response.statusMessage = `no ${password} ${headers.authorization}`
    response.statusCode = 401
    response.end(`${password} ${headers.authorization}`)
  })
  const encoded = btoa(`checker:${password}`)
  const dependency = { kind: 'http', url: server.url, basicAuth: { username: 'checker', password } }
  try {
    return await runWith(dependency, {}, async program => {
      const paths = ['/health', '/metrics', '/config', '/', '/readyz?verbose']
      const answers = await Promise.all(paths.map(async path => (await program.get(path)).text))
      const { stdout, stderr } = program.output()
      const argv = readFileSync(`/proc/${program.child.pid}/cmdline`, 'utf8')
      const all = [...answers, stdout, stderr, argv].join('\n')
      for (const canary of [password, encoded]) assert.ok(!all.includes(canary), 'the password is shown')
      return `0 hits in ${all.length} characters of answers, log and command line`
    })
  } finally {
    await server.stop()
  }
}

async function ignoreEnvironment(): Promise<string> {
  const authority = createAuthority('Unknown Root')
  const { certPem, keyPem } = authority.issue()
  const server = await serveHttp((_request, response) => response.end('ok'), { cert: certPem, key: keyPem })
  try {
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }
    return await runWith({ kind: 'http', url: server.url }, env, async program => {
      const { subject } = (await program.health()).dependencies
      assert.equal(subject?.lastCheck?.reason, 'tls_error', 'reason')
      assert.equal(server.requests.length, 0, 'a request was sent')
      return `\`down\`, \`tls_error/${subject?.lastCheck?.detail}\`; no request was sent`
    })
  } finally {
    await server.stop()
    authority.remove()
  }
}
