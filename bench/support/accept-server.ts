/** Accepts and closes, in a process of its own; says its port. */
import { createServer } from 'node:net'

const server = createServer(socket => socket.on('error', () => {}).resume())
server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 }, () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : undefined)
})
process.on('disconnect', () => process.exit())
