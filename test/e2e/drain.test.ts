/**
 * A rolling update under load, with the shutdown delay of Kubernetes: an instance that ends answers whatever a load balancer
 * still sends, and what is in progress.
 */
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { serve, until } from '../support/net.ts'
import { type Program, startProgram } from '../support/program.ts'

/** Clients that send one request after another, each over connections that it keeps. */
const clients = 8

async function start(): Promise<Program> {
  const target = await serve(() => {})
  onTestFinished(target.close)
  const url = `tcp://127.0.0.1:${target.port}`
  const dependencies = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`d${i}`, url]))
  const program = await startProgram({
    config: { dependencies },
    env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' },
  })
  onTestFinished(program.remove)
  return program
}

async function ask(url: string, agent: Agent): Promise<number> {
  const [response] = await once(get(url, { agent }), 'response')
  await text(response)
  return response.statusCode
}

/** Sends requests to those of the instances that answered the last question for readiness with 200. */
function balance(instances: readonly Program[]) {
  const answered = new Map(instances.map(instance => [instance, 0]))
  const lost: unknown[] = []
  let pool = [...instances]
  let isOver = false
  async function follow(instance: Program): Promise<void> {
    const agent = new Agent({ keepAlive: true })
    while (!isOver && (await ask(`${instance.url}/readyz`, agent).catch(() => 0)) === 200)
      await new Promise(resolve => setTimeout(resolve, 20))
    pool = pool.filter(each => each !== instance)
  }
  async function load(): Promise<void> {
    const agent = new Agent({ keepAlive: true })
    for (let i = 0; !isOver; i++) {
      const instance = pool[i % pool.length]
      if (instance === undefined) return
      const path = ['/metrics', '/healthz', '/health'][i % 3]
      const status = await ask(`${instance.url}${path}`, agent).catch(error => error)
      if (status === 200) answered.set(instance, (answered.get(instance) ?? 0) + 1)
      else lost.push(status)
    }
    agent.destroy()
  }
  const running = [...instances.map(follow), ...Array.from({ length: clients }, load)]
  return {
    lost,
    has: (instance: Program) => pool.includes(instance),
    answered: (instance: Program) => answered.get(instance) ?? 0,
    async stop() {
      isOver = true
      await Promise.all(running)
    },
  }
}

/**
 * Has one request answered, and begins a second on the same connection. Undefined once the instance accepts no more.
 * Both are sent at once, so the second has begun when the first has been answered.
 */
async function begin(
  url: string,
): Promise<{ readonly socket: Socket; readonly received: () => string } | undefined> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let received = ''
  socket.setEncoding('utf8').on('data', chunk => {
    received += chunk
  })
  socket.on('error', () => {})
  socket.write(
    'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n',
  )
  await until(() => socket.destroyed || received.includes('\r\n\r\n'), 'the first is answered')
  return received.startsWith('HTTP/1.1 200') && !/^connection: close/im.test(received)
    ? { socket, received: () => received.slice(received.indexOf('\r\n\r\n') + 4) }
    : undefined
}

async function finish({ socket, received }: NonNullable<Awaited<ReturnType<typeof begin>>>): Promise<string> {
  const closed = once(socket, 'close')
  socket.write('\r\n')
  await closed
  return received()
}

test('from SIGTERM to the end no request is lost, and one in progress is answered', {
  timeout: 60_000,
}, async () => {
  const [leaving, staying] = [await start(), await start()]
  for (const { get } of [leaving, staying])
    await until(async () => (await get('/readyz')).status === 200, 'ready')
  const balanced = balance([leaving, staying])
  await until(() => balanced.answered(leaving) > 20 && balanced.answered(staying) > 20, 'both are asked')

  leaving.child.kill('SIGTERM')
  await until(() => leaving.output().stderr.includes('stopping'), 'the signal has arrived')
  expect((await leaving.get('/readyz')).status).toBe(503)
  const before = balanced.answered(leaving)
  await until(() => !balanced.has(leaving), 'it has left the pool')
  expect((await leaving.get('/healthz')).status).toBe(200)

  // A head may take 4 s, which is less than the delay: so requests are begun until no more is accepted.
  let open = await begin(leaving.url)
  expect(open).toBeDefined()
  for (let next = open; next !== undefined; next = await begin(leaving.url)) {
    if (open !== undefined && next !== open) expect(await finish(open)).toMatch(/HTTP\/1\.1 200[\s\S]*\n$/)
    open = next
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  expect(leaving.child.exitCode).toBeNull()
  if (open !== undefined)
    expect(await finish(open)).toMatch(/HTTP\/1\.1 200[\s\S]*dependency_up\{dependency="d99"/)
  expect(await leaving.ended).toBe(0)

  const after = balanced.answered(staying)
  await until(() => balanced.answered(staying) > after + 20, 'the other is asked')
  await balanced.stop()
  expect(balanced.lost).toEqual([])
  expect(before).toBeGreaterThan(0)
})
