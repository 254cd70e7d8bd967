/** How PostgreSQL is asked for TLS in the clear: protocol documentation, "SSL Session Encryption". */
import type { Socket } from 'node:net'
import { CheckError } from '../../model/dependency.ts'
import { closedEarly } from './socket.ts'

const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

/**
 * Asks a fresh connection for TLS and returns whether the server agrees. Exactly one byte may answer. More than one is
 * refused: it came before encryption and would be taken for what came after (CVE-2021-23222).
 *
 * @throws CheckError `protocol_error` if it is not PostgreSQL.
 */
export async function agreesToTls(socket: Socket): Promise<boolean> {
  socket.write(sslRequest)
  const answer = (await firstBytes(socket)).toString('latin1')
  if (answer === 'S' || answer === 'N') return answer === 'S'
  throw new CheckError('protocol_error', 'protocol_error', 'the answer to the TLS request is not PostgreSQL')
}

function firstBytes(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      socket.off('data', done).off('error', failed).off('close', closed).off('end', closed)
      finish()
    }
    const done = (chunk: Buffer) => settle(() => resolve(chunk))
    const failed = (error: Error) => settle(() => reject(error))
    const closed = () => settle(() => reject(closedEarly()))
    socket.on('data', done).on('error', failed).on('close', closed).on('end', closed)
  })
}
