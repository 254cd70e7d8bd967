/** Where the service listens, and who sees what there, as people read it. */

import type { Logger } from '../model/logger.ts'
import { formatAddress, type ListenAddress } from '../model/notation.ts'
import type { Server } from '../server/server.ts'

/** Logs who sees what, one line for each address, and again when that has changed. */
export function createAccessLog(server: Server, urls: readonly string[], logger: Logger): () => void {
  let logged = ''
  return () => {
    const audiences = server.audiences()
    if (JSON.stringify(audiences) === logged) return
    logged = JSON.stringify(audiences)
    for (const [i, audience] of audiences.entries())
      logger.info({ address: urls[i], ...audience }, 'who sees what')
  }
}

/** The URLs of addresses as they were bound, which may be to a free port of the system's choice. */
export function urlsOf(
  bound: readonly { readonly port: number }[],
  listen: readonly ListenAddress[],
  scheme: string,
): readonly string[] {
  return listen.map(({ host = 'localhost' }, i) => {
    return `${scheme}://${formatAddress(host, bound[i]?.port ?? 0)}`
  })
}
