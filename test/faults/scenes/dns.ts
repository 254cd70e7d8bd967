/**
 * Name resolution: a name server that answers as it is told to, in a mount namespace whose /etc/resolv.conf and
 * /etc/hosts are ours. Needs root and Linux.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Answer, encode, type Question, type Reply, serveNames } from '../../support/dns.ts'
import { closedPort, serve } from '../../support/net.ts'
import type { Fault, Scene, SceneScript, Unplayed, Verdict } from '../scene.ts'

const unplayed: readonly Unplayed[] = [
  {
    id: 'D7',
    fault: 'an allowed name leads to a forbidden address',
    why: 'Pulsecheck asks only what its operator configured, so it has no forbidden addresses; see X1 to X6',
  },
]

const here: Reply = { addresses: ['127.0.0.1'] }

export const dns: SceneScript = {
  isolated: true,
  unplayed,
  async open() {
    const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-names-'))
    const resolvConf = join(folder, 'resolv.conf')
    let answer: Answer = () => here
    const [names, target] = await Promise.all([serveNames(each => answer(each)), serve(() => {})])
    const working = `${names.line}search svc.cluster.local cluster.local\noptions ndots:5\n`
    writeFileSync(resolvConf, working)
    mount(resolvConf, '/etc/resolv.conf')
    const tcp = (host: string) => ({ kind: 'tcp', url: `tcp://${host}:${target.port}` })
    /** Only this name is in trouble; `healthy.example.` is answered throughout. */
    const subject = 'db.example.'
    const isSubject = ({ name }: Question) => name !== 'healthy.example'
    const row = (
      id: string,
      fault: string,
      bad: Answer,
      verdict: Verdict,
      more: Partial<Fault> = {},
    ): Fault => ({
      id,
      fault,
      dependency: tcp(subject),
      bystander: tcp('healthy.example.'),
      verdict,
      inject() {
        answer = question => (isSubject(question) ? bad(question) : here)
      },
      heal() {
        answer = () => here
      },
      ...more,
    })
    const refused = (detail: string): Verdict => ({ status: 'down', reason: 'dns_error', detail })
    const overTcp =
      (bad: Answer): Answer =>
      question =>
        question.transport === 'udp' ? { truncated: true } : bad(question)
    const faults: readonly Fault[] = [
      row('D1', 'the name is gone (NXDOMAIN)', () => ({ rcode: 3 }), refused('ENOTFOUND')),
      row('D2', 'SERVFAIL', () => ({ rcode: 2 }), refused('ESERVFAIL')),
      row('D2', 'REFUSED', () => ({ rcode: 5 }), refused('EREFUSED'), { times: 5 }),
      row('D3', 'the name server is silent about the name', () => undefined, refused('dns_timeout')),
      row(
        'D3',
        '101 names on a silent server, beside names that it answers',
        () => undefined,
        refused('dns_timeout'),
        {
          beside: Object.fromEntries(
            Array.from({ length: 100 }, (_, i) => [`silent-${i}`, tcp(`silent-${i}.example.`)]),
          ),
          times: 5,
        },
      ),
      row(
        'D4',
        'answers are truncated, and come over TCP',
        overTcp(() => here),
        { status: 'up' },
        { times: 3 },
      ),
      row(
        'D4',
        'answers are truncated, and TCP is silent',
        overTcp(() => undefined),
        refused('dns_timeout'),
        {
          times: 10,
        },
      ),
      row('D5', 'garbage instead of an answer', createGarbage, refused('EBADRESP'), { times: 10 }),
      row('D5', 'answers with another id, which a forger sends', flipBit(0), refused('dns_timeout'), {
        times: 5,
      }),
      row('D5', 'answers to another question', flipBit(14), refused('dns_timeout'), { times: 5 }),
      row(
        'D6',
        '200 addresses, of which the last one accepts',
        overTcp(() => ({
          addresses: Array.from({ length: 200 }, (_, i) => (i === 199 ? '127.0.0.1' : `127.0.1.${i}`)),
        })),
        { status: 'up' },
        { times: 3 },
      ),
      row('D8', '/etc/resolv.conf is emptied, and written again', () => undefined, refused('ECONNREFUSED'), {
        bystander: tcp('127.0.0.1'),
        inject: () => writeFileSync(resolvConf, ''),
        heal: () => writeFileSync(resolvConf, working),
        // The file is looked at once a second.
        delayMs: { inject: 1_000, heal: 1_000 },
        times: 10,
      }),
      row(
        'D9',
        'a short name, found through the search list (ndots:5), is gone',
        () => ({ rcode: 3 }),
        refused('ENOTFOUND'),
        { dependency: tcp('db'), times: 10 },
      ),
    ]
    const moving = await openMoving(reply => {
      answer = question => (question.name === 'moving.example' ? reply : here)
    })
    return {
      faults: [...faults, ...moving.faults],
      async close() {
        await moving.close()
        await Promise.all([names.close(), target.close()])
        rmSync(folder, { recursive: true })
      },
    }
  },
}

/** A failover by DNS: the old server goes, and the name leads to the new one. */
async function openMoving(setRecord: (reply: Reply) => void): Promise<Scene> {
  const port = await closedPort()
  let server = await listenAt(port, '127.0.0.1')
  const moveTo = async (address: string) => {
    const old = server
    server = await listenAt(port, address)
    setRecord({ addresses: [address] })
    old.close()
  }
  const fault: Fault = {
    id: 'N15',
    fault: 'the name moves to another address, and the old server goes away',
    dependency: { kind: 'tcp', url: `tcp://moving.example.:${port}` },
    verdict: { status: 'up' },
    inject: () => moveTo('127.0.0.2'),
    heal: () => moveTo('127.0.0.1'),
    times: 5,
  }
  return { faults: [fault], close: async () => void server.close() }
}

function listenAt(port: number, address: string): Promise<Server> {
  const server = createServer(socket => socket.on('error', () => {}).resume())
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, address, () => resolve(server))
  })
}

function createGarbage({ bytes }: Question): Buffer {
  return Buffer.concat([bytes.subarray(0, 2), Buffer.alloc(40, 0xff)])
}

/** An answer with one bit changed at a place: its id, or the question that it repeats. */
function flipBit(at: number): Answer {
  return question => {
    const reply = encode(question, here)
    reply[at] = (reply[at] ?? 0) ^ 1
    return reply
  }
}

function mount(file: string, over: string): void {
  execFileSync('mount', ['--bind', file, over])
}
