/**
 * Basic authentication (RFC 7617) against bcrypt hashes. An unknown user costs as much as a known one, a flood of
 * guesses costs a bounded queue, and who was let in before costs one HMAC.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Bcrypt } from './bcrypt.ts'

/** User name to bcrypt hash. */
export type Users = ReadonlyMap<string, string>

/** `busy`: too many passwords are being compared already. */
export type Proof = 'valid' | 'invalid' | 'busy'

export interface Credentials {
  /** @param authorization the request's `Authorization` header. Rejects only if comparing fails as such. */
  verify(authorization: string | undefined): Promise<Proof>
}

/** Comparisons that may wait: at some 70 ms each, the last one is served in about two seconds. */
const maxWaiting = 32

/** Verified credentials that are remembered: more than anybody has scrapers. */
const maxRemembered = 128

/** @param users at least one. */
export function createCredentials(users: Users, bcrypt: Bcrypt): Credentials {
  const key = randomBytes(32)
  const decoy = costliest([...users.values()])
  const remembered = new Set<string>()
  const comparing = new Map<string, Promise<boolean>>()

  async function compare(user: string, password: string): Promise<boolean> {
    const hash = users.get(user)
    const matches = await bcrypt.matches(password, hash ?? decoy)
    return matches && hash !== undefined
  }

  return {
    async verify(authorization) {
      const pair = parse(authorization)
      if (pair === undefined) return 'invalid'
      // JSON keeps user and password apart, whatever they hold; the key keeps both out of memory dumps.
      const print = createHmac('sha256', key).update(JSON.stringify(pair)).digest('base64')
      if (remembered.has(print)) return 'valid'
      const running = comparing.get(print)
      if (running === undefined && comparing.size >= maxWaiting) return 'busy'
      const comparison = running ?? compare(...pair).finally(() => comparing.delete(print))
      comparing.set(print, comparison)
      if (!(await comparison)) return 'invalid'
      if (remembered.size >= maxRemembered) remembered.clear()
      remembered.add(print)
      return 'valid'
    },
  }
}

/** User and password, which is all after the first colon. */
function parse(authorization: string | undefined): [user: string, password: string] | undefined {
  const token = /^basic +([a-z0-9+/=_-]+) *$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) return undefined
  const text = Buffer.from(token, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : [text.slice(0, colon), text.slice(colon + 1)]
}

/** The hash that takes longest to compare with: what an unknown user is compared with. `$2b$10$` has cost 10. */
function costliest(hashes: readonly string[]): string {
  const cost = (hash: string) => Number(hash.slice(4, 6))
  return hashes.reduce((most, hash) => (cost(hash) > cost(most) ? hash : most))
}
