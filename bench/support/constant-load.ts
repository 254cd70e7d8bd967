/**
 * Requests at a constant rate, from a process of its own. Each has a moment at which it is due, whether or not the server
 * has answered the ones before, and its latency counts from there: a server that stands still for half a second makes all
 * requests of that time late, not just one (Gil Tene's "coordinated omission"). Timers are good to a millisecond, so about
 * one is part of every latency; `ownLateP99` tells how much of it was this process's own.
 */
import { connect, type Socket } from 'node:net'
import { percentile } from './statistics.ts'

export interface Load {
  readonly port: number
  readonly path: string
  /** Requests a second. */
  readonly rate: number
  readonly ms: number
  /** The address it comes from, such as `127.0.0.2`. Default: the system's choice. */
  readonly from?: string
}

/** Milliseconds from due to wholly answered. A request that got no answer counts with the time it waited. */
export interface Latencies {
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly answered: number
  /** No answer, or another than 200. */
  readonly failed: number
  readonly ownLateP99: number
}

const maxConnections = 64
/** What is under way at the end gets this long. */
const graceMs = 10_000

process.once('disconnect', () => process.exit())
/** Ends the load that is under way: no request becomes due any more. */
let stop = () => {}
process.on('message', async (order: readonly Load[] | 'stop') => {
  if (order === 'stop') return stop()
  const stopped = new AbortController()
  stop = () => stopped.abort()
  process.send?.(await Promise.all(order.map(each => load(each, stopped.signal))))
})
process.send?.({})

async function load({ port, path, rate, ms, from }: Load, stopped: AbortSignal): Promise<Latencies> {
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: bench\r\naccept: */*\r\n\r\n`)
  let total = Math.floor((rate * ms) / 1_000)
  let endsAt = performance.now() + ms
  const [latencies, ownLates, waiting]: [number[], number[], number[]] = [[], [], []]
  const free: Socket[] = []
  const busy = new Map<Socket, number>()
  let [planned, failed] = [0, 0]

  const open = () => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      ...(from !== undefined && { localAddress: from }),
    })
    const answers = answerReader(ok => {
      latencies.push(performance.now() - (busy.get(socket) ?? 0))
      if (!ok) failed++
      busy.delete(socket)
      free.push(socket)
      flush()
    })
    socket.on('data', answers).on('error', () => {})
    socket.once('close', () => {
      const due = busy.get(socket)
      busy.delete(socket)
      if (free.includes(socket)) free.splice(free.indexOf(socket), 1)
      // The server may end a connection just as we ask. What was due stays due.
      if (due !== undefined) waiting.unshift(due)
    })
    return socket
  }
  const flush = () => {
    while (waiting.length > 0 && (free.length > 0 || busy.size < maxConnections)) {
      const socket = free.pop() ?? open()
      busy.set(socket, waiting.shift() ?? 0)
      socket.write(request)
    }
  }
  const started = performance.now()
  const dueAt = (i: number) => started + (i * 1_000) / rate
  while (latencies.length < total && performance.now() < endsAt + graceMs) {
    const now = performance.now()
    if (stopped.aborted && total > planned) [total, endsAt] = [planned, now]
    for (; planned < total && dueAt(planned) <= now; planned++) {
      waiting.push(dueAt(planned))
      ownLates.push(now - dueAt(planned))
    }
    flush()
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  const answered = latencies.length
  for (const due of [...waiting, ...busy.values()]) latencies.push(performance.now() - due)
  for (const socket of [...free, ...busy.keys()]) socket.destroy()
  return {
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    max: percentile(latencies, 1),
    answered,
    failed: failed + total - answered,
    ownLateP99: percentile(ownLates, 0.99),
  }
}

/** Calls once an answer, when its last byte is in. One connection carries one request at a time. */
function answerReader(done: (ok: boolean) => void): (data: Buffer) => void {
  let head = ''
  let missing = 0
  let ok = false
  return data => {
    if (missing > 0) missing -= data.length
    else {
      head += data.toString('latin1')
      const end = head.indexOf('\r\n\r\n') + 4
      if (end < 4) return
      ok = head.startsWith('HTTP/1.1 200')
      missing = end + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - head.length
      head = ''
    }
    if (missing <= 0) done(ok)
  }
}
