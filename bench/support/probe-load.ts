/**
 * Keep-alive clients in a process of their own: each asks, waits for the whole answer, and asks again. Answers are
 * counted by their bytes, so the clients cost little; the process tells how many came within the time.
 */
import { connect } from 'node:net'

interface Order {
  readonly port: number
  readonly path: string
  readonly connections: number
  readonly ms: number
}

process.once('disconnect', () => process.exit())
process.on('message', async ({ port, path, connections, ms }: Order) => {
  const request = Buffer.from(
    `GET ${path} HTTP/1.1\r\nhost: bench\r\nuser-agent: kube-probe/1.31\r\naccept: */*\r\n\r\n`,
  )
  const until = performance.now() + ms
  const counts = await Promise.all(Array.from({ length: connections }, () => ask(port, request, until)))
  process.send?.(counts.reduce((sum, count) => sum + count, 0))
})

/** The number of answers to one client, which comes back when the server ends its connection. */
async function ask(port: number, request: Buffer, until: number): Promise<number> {
  let answers = 0
  while (performance.now() < until) answers += await connection(port, request, until)
  return answers
}

function connection(port: number, request: Buffer, until: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let answers = 0
  let size: number | undefined
  let received = 0
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(request))
  socket.on('data', data => {
    size ??= sizeOf(data)
    received += data.length
    if (received < size) return
    received -= size
    answers++
    if (performance.now() < until) socket.write(request)
    else socket.end()
  })
  socket.on('error', reject)
  socket.on('close', () => resolve(answers))
  return promise
}

function sizeOf(answer: Buffer): number {
  const head = answer.indexOf('\r\n\r\n') + 4
  const length = /content-length: (\d+)/i.exec(answer.toString('latin1', 0, head))?.[1]
  if (!answer.toString('latin1').startsWith('HTTP/1.1 200') || length === undefined)
    throw new Error('no answer')
  return head + Number(length)
}
