/** Our own server; hostile clients are the work of `npm run attack`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { listen, serve } from '../../support/net.ts'
import { launch } from '../../support/program.ts'
import { configOf, type OwnPart, watchHealthy } from './play.ts'

const listener = 'test/server/http/listener.test.ts'

export const server: OwnPart = {
  title: "Pulsecheck's own server",
  note: '`npm run attack` plays hostile clients against the running program; `docs/security.md` has what they saw.',
  plays: [
    {
      id: 'S15',
      fault: 'the port is in use',
      promise: 'exit 4 within 3 s, one line, and nothing was asked',
      play: occupyPort,
    },
    {
      id: 'S14',
      fault: 'escape sequences in URL and User-Agent, at `--log.level debug`',
      promise: 'nothing of a request is in the log',
      play: forgeLines,
    },
    {
      id: 'X1',
      fault: '`/probe?target=http://169.254.169.254/` is asked for',
      promise: '404: there is no such endpoint',
      play: () =>
        watchHealthy({}, async program => {
          const { status } = await program.get('/probe?target=http://169.254.169.254/')
          assert.equal(status, 404, 'status')
          return '404'
        }),
    },
  ],
  unplayed: [
    ...[
      [
        'S1',
        'connections whose headers drip in',
        'closed within 6 s',
        'a header that drips in is cut by the total, not by silence',
      ],
      ['S2', 'a body that never comes', 'closed within 6 s', 'a body that never comes'],
      [
        'S3',
        'readers that stop reading',
        'closed within 10 s, with bounded memory',
        'readers that stop are cut off, their bodies let go of, and probes go on meanwhile',
      ],
      [
        'S5',
        'more connections than allowed',
        'the oldest idle one goes, and the newcomer is served',
        'the oldest that waits for nothing goes; the newcomer is served',
      ],
      [
        'S6, S7, S8, S9',
        'malformed requests, request smuggling, odd methods and URLs',
        '4xx, or closed; never a stack trace',
        'hostile bytes',
      ],
    ].map(([id = '', fault = '', why = '', test]) => ({ id, fault, why, heldBy: [`${listener}: ${test}`] })),
    {
      id: 'S4',
      fault: 'many scrapes at once',
      why: 'one rendering is shared; beyond the limit 503, and probes go on',
      heldBy: [
        'test/server/http/deliveries.test.ts: more paused readers than there is room for do not keep an honest one from its answer',
      ],
    },
    {
      id: 'S10',
      fault: 'every form of `Accept` and `Accept-Encoding`',
      why: 'negotiated; compression is shared and does not hold up probes',
      heldBy: ['test/server/routes/metrics.test.ts: an exposition, negotiated and compressed'],
    },
    {
      id: 'S11',
      fault: 'wrong passwords, a hundred at once',
      why: 'equal cost for every refusal, a bounded queue for each address',
      heldBy: [
        'test/server/access/credentials.test.ts: every refusal costs the same: the hashes are of the same costs, whoever is named',
        'test/server/access/credentials.test.ts: fills the queue of its own address, and others take turns with it',
      ],
    },
    {
      id: 'S12, S13',
      fault: 'forged Host and X-Forwarded-*, DNS rebinding, cross-site requests',
      why: 'details are refused; reload needs POST and is off by default',
      heldBy: [
        'test/server/access/rules.test.ts: a name that somebody else may own opens no details without a log-in',
      ],
    },
    {
      id: 'X2, X3, X4, X5, X6',
      fault: 'spellings of forbidden addresses, rebinding, schemes and floods at `/probe`',
      why: 'there is no such endpoint: only what the operator configured is asked',
    },
  ],
}

async function occupyPort(): Promise<string> {
  const holder = createServer()
  const port = await listen(holder)
  const target = await serve(() => {})
  const from = performance.now()
  const running = launch({
    config: configOf(target, 5),
    flags: ['--web.listen-address', `127.0.0.1:${port}`],
  })
  try {
    assert.equal(await running.ended, 4, 'exit code')
    const tookMs = Math.round(performance.now() - from)
    assert.ok(tookMs < 3_000, `it took ${tookMs} ms`)
    assert.equal(target.accepted(), 0, 'dependencies were asked')
    return `“${running.output().stderr.trim().replaceAll(String(port), '9797')}”, after ${tookMs} ms`
  } finally {
    await running.remove()
    holder.close()
    await once(holder, 'close')
    await target.close()
  }
}

async function forgeLines(): Promise<string> {
  return await watchHealthy({ flags: ['--log.level', 'debug'] }, async program => {
    const socket = connect(Number(new URL(program.url).port), '127.0.0.1')
    const path = '/canary%0alevel=error%1b[31m'
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: canary\r\nUser-Agent: \x1b[31mcanary\r\nConnection: close\r\n\r\n`,
    )
    const answer = await text(socket)
    assert.ok(!program.output().stderr.includes('canary'), 'the log shows the request')
    return `“${answer.split('\r\n')[0]}”; no word of it in the log`
  })
}
