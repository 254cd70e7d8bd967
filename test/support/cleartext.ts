/**
 * A program for a network namespace: a server of PostgreSQL's protocol at the address given, which asks for the password
 * in clear, and a check of it. Prints what the server heard, and the result.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { postgres } from '../../src/kinds/postgres/postgres.ts'
import { check } from './check.ts'

const [host] = process.argv.slice(2)
const askForPassword = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3])
let heard = ''
const server = createServer(socket => {
  socket.on('error', () => {})
  socket.once('data', () => socket.write(askForPassword))
  socket.on('data', chunk => {
    heard += chunk.toString('latin1')
    if (heard.includes('canary')) socket.destroy()
  })
})
server.listen(0, host)
await once(server, 'listening')
const address = server.address()
const port = typeof address === 'object' ? address?.port : undefined
const result = await check(postgres, { host, port, user: 'app', password: 'canary' })
server.close()
await once(server, 'close')
process.stdout.write(JSON.stringify({ heard, result }))
