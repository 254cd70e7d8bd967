/**
 * Basic authentication (RFC 7617) against bcrypt hashes. Every attempt costs the same, whether the user exists or not.
 * Attempts are queued by client, so a flood of guesses delays only the client that makes them.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Users } from '../options.ts'
import { type Bcrypt, createTurns } from './bcrypt.ts'

/** `busy`: too many attempts are waiting already. */
type Proof = 'valid' | 'invalid' | 'busy'

interface Attempt {
  readonly users: Users
  /** The request's `Authorization` header. */
  readonly authorization: string | undefined
  /** The client's IP address. */
  readonly address: string
}

export interface Credentials {
  /** Rejects only if the comparison itself fails. */
  verify(attempt: Attempt): Promise<Proof>
}

/** Verified credentials that are remembered, more than anybody has scrapers. The least recently used is forgotten first. */
const maxRemembered = 128

/** Verified credentials are remembered across changes of the users, for as long as the user's hash stays the same. */
export function createCredentials(bcrypt: Bcrypt): Credentials {
  const key = randomBytes(32)
  const remembered = new Set<string>()
  const turns = createTurns<boolean>()

  function recall(print: string): boolean {
    if (!remembered.delete(print)) return false
    remembered.add(print)
    return true
  }

  function remember(print: string): void {
    remembered.add(print)
    const [oldest] = remembered
    if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest)
  }

  return {
    async verify({ users, authorization, address }) {
      const pair = parse(authorization)
      if (pair === undefined) return 'invalid'
      const [user, password] = pair
      const hash = users.get(user)
      // JSON separates the parts, whatever they contain; the HMAC keeps them out of memory dumps.
      const print = createHmac('sha256', key)
        .update(JSON.stringify([...pair, hash ?? null]))
        .digest('base64')
      if (recall(print)) return 'valid'
      const matches = turns.take(address, print, () => compare(bcrypt, users, hash, password))
      if (matches === undefined) return 'busy'
      if (!(await matches)) return 'invalid'
      remember(print)
      return 'valid'
    },
  }
}

/**
 * Compares with one hash of every configured cost, so that neither the time nor the order of refusals reveals which
 * users exist, or whose hash is cheap.
 *
 * @param hash of the user; undefined if there is no such user.
 */
async function compare(
  bcrypt: Bcrypt,
  users: Users,
  hash: string | undefined,
  password: string,
): Promise<boolean> {
  const costs = [...new Set([...users.values()].map(costOf))].sort()
  const hashes = costs.map(cost => (hash !== undefined && costOf(hash) === cost ? hash : decoy(cost)))
  const matches = await bcrypt.matches(password, hashes)
  return hash !== undefined && matches[hashes.indexOf(hash)] === true
}

/** The two digits of a hash such as `$2b$10$...`. */
function costOf(hash: string): string {
  return hash.slice(4, 6)
}

/** A well-formed hash that matches no password. */
function decoy(cost: string): string {
  return `$2b$${cost}$${'.'.repeat(53)}`
}

/** Returns the user and the password, which is everything after the first colon. */
function parse(authorization: string | undefined): [user: string, password: string] | undefined {
  const token = /^basic +([a-z0-9+/=_-]+) *$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) return undefined
  const text = Buffer.from(token, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : [text.slice(0, colon), text.slice(colon + 1)]
}
