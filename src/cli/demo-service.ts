/** The demo's HTTP service: it says that it is well, for a while very slowly. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Presence } from './demo-actors.ts'
import type { Stage } from './demo-stage.ts'

/** @param slowMs how long an answer takes while it is slow: well beyond the check's timeout. */
export async function startHttp(stage: Stage, port: number, slowMs: number): Promise<Presence> {
  let delayMs = 0
  const server = createServer(async (_request, response) => {
    if (delayMs > 0) await sleep(delayMs, undefined, { ref: false })
    response.setHeader('content-type', 'application/json').end('{"status":"ok"}\n')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  stage.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    what: 'a small HTTP service',
    trouble: {
      act: `the HTTP service grows slow: ${slowMs} ms for each answer`,
      begin: () => {
        delayMs = slowMs
      },
      end: () => {
        delayMs = 0
      },
    },
  }
}
