/**
 * Who may see what. Probes are open to everybody, always: kubelet and load balancers can neither log in nor be listed.
 * All else goes by these rules:
 *
 * | what | who |
 * |---|---|
 * | `/health`, `/config`, `/` | by `details`: `always` everybody, `never` nobody (404), `authorized` as for metrics |
 * | `/metrics` | who comes from `allow`, if it is set, and is logged in, if there are users (as exporter-toolkit does it) |
 * | `/-/reload` | as for metrics, and no browser |
 */
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { type AddressList, addressList } from './addresses.ts'
import { type Answer, plainAnswer, send } from './answer.ts'
import { type Bcrypt, createBcrypt } from './bcrypt.ts'
import { type Credentials, createCredentials, type Users } from './credentials.ts'

export interface AccessRules {
  /** Default: `authorized`. */
  readonly details?: 'always' | 'authorized' | 'never'
  /** IP addresses and networks in CIDR form. Default: everybody. */
  readonly allow?: readonly string[]
  /** Default: no log-in. */
  readonly users?: Users
}

export type Area = 'details' | 'metrics' | 'lifecycle'

/** The rules at work. They may be replaced while requests come in. */
export interface Access {
  /** The hook that stands before the routes of an area. */
  guard(area: Area): onRequestAsyncHookHandler
  /** @throws TypeError for an entry of `allow` that is no address. */
  replace(rules: AccessRules): void
  close(): Promise<void>
}

interface Gate {
  readonly details: NonNullable<AccessRules['details']>
  readonly allowed: AddressList
  readonly credentials: Credentials | undefined
}

const refusals = {
  unauthorized: plainAnswer(401, { 'www-authenticate': 'Basic realm="pulsecheck", charset="UTF-8"' }),
  forbidden: plainAnswer(403),
  hidden: plainAnswer(404),
  busy: plainAnswer(503, { 'retry-after': '1' }),
} as const

/** @throws TypeError for an entry of `allow` that is no address. */
export function createAccess(rules: AccessRules): Access {
  const bcrypt = createBcrypt()
  let gate = createGate(rules, bcrypt)
  return {
    guard: area => async (request: FastifyRequest, reply: FastifyReply) => {
      const refusal = await judge(gate, area, request)
      return refusal === undefined ? undefined : send(reply, refusal)
    },
    replace(rules) {
      gate = createGate(rules, bcrypt)
    },
    close: bcrypt.close,
  }
}

function createGate({ details = 'authorized', allow = [], users }: AccessRules, bcrypt: Bcrypt): Gate {
  const credentials = users !== undefined && users.size > 0 ? createCredentials(users, bcrypt) : undefined
  return { details, allowed: addressList(allow), credentials }
}

async function judge(gate: Gate, area: Area, request: FastifyRequest): Promise<Answer | undefined> {
  if (area === 'details' && gate.details === 'always') return undefined
  if (area === 'details' && gate.details === 'never') return refusals.hidden
  if (area === 'lifecycle' && fromBrowser(request)) return refusals.forbidden
  if (!gate.allowed(request.ip)) return refusals.forbidden
  const proof = (await gate.credentials?.verify(request.headers.authorization)) ?? 'valid'
  if (proof === 'valid') return undefined
  return proof === 'busy' ? refusals.busy : refusals.unauthorized
}

/** A page of another site can make a browser send a POST, with what it remembers of log-ins, but not hide that it did. */
function fromBrowser({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
}
