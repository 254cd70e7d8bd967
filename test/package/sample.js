/** A service in JavaScript: it checks, answers, stops, and the process ends by itself. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { check, createMonitor, http, tcp } from 'pulsecheck'

const target = createServer((_request, response) => response.end('ok'))
await new Promise(resolve => target.listen(0, '127.0.0.1', resolve))
const { port } = target.address()

assert.throws(
  () => createMonitor({ dependencies: { a: tcp({ host: 'a', prot: 1 }), b: 'htp://b' } }),
  /dependencies\.a\.prot: unknown key; did you mean port\?[\s\S]*dependencies\.b: expected a URL/,
)

const monitor = createMonitor({
  // Nothing grows stale on a machine that is busy.
  defaults: { interval: '30s', timeout: '5s' },
  dependencies: {
    api: http({ url: `http://127.0.0.1:${port}/` }),
    port: `tcp://127.0.0.1:${port}`,
    own: check(async () => {}),
  },
})
const server = createServer(monitor.handler({ prefix: '/internal' }))
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
monitor.start()
await monitor.waitUntilReady({ timeout: '10s' })
const get = async path => (await fetch(`http://127.0.0.1:${server.address().port}${path}`)).text()
assert.match(await get('/internal/metrics'), /^dependency_up\{dependency="api",kind="http"\} 1$/m)
assert.match(await get('/internal/'), /<title>OK/)
assert.match(await get('/internal/-/page/page.css'), /body/)
await monitor.stop()
target.closeAllConnections()
server.closeAllConnections()
target.close()
server.close()
