/**
 * Who may see what. Probes are open to everybody, always: kubelet and load balancers can neither log in nor be listed.
 * All else goes by these rules:
 *
 * | what | who |
 * |---|---|
 * | `/metrics` | who comes from `allow`, if it is set, and is logged in, if there are users (as exporter-toolkit does it) |
 * | `/health`, `/config`, `/` | by `details`: `authorized` as for metrics, and with neither `allow` nor users this machine alone; `always` everybody; `never` nobody (404) |
 * | `/-/reload` | as for metrics, and no browser |
 *
 * No page of another site sees the details, whoever's browser it runs in: see `isCrossSite` and `hostRule`.
 */
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { type Answer, answer, mediaTypes, plainAnswer, send } from '../http/answer.ts'
import { type AddressList, createAddressList } from './addresses.ts'
import { type Bcrypt, createBcrypt } from './bcrypt.ts'
import { type Credentials, createCredentials, type Users } from './credentials.ts'
import {
  type HostRule,
  hasVerifiedCertificate,
  hostRule,
  isCrossSite,
  isForwarded,
  isFromBrowser,
  isLocal,
} from './origin.ts'

export interface AccessRules {
  /** Default: `authorized`. */
  readonly details?: 'always' | 'authorized' | 'never'
  /** IP addresses and networks in CIDR form. Default: everybody for the metrics, this machine for the details. */
  readonly allow?: readonly string[] | undefined
  /**
   * Host names under which people reach the details over plain HTTP without a log-in, beside IP addresses, localhost
   * and the name of this machine.
   */
  readonly hosts?: readonly string[] | undefined
  /** Default: no log-in. */
  readonly users?: Users
  /** A client certificate that the server has verified counts as a log-in where there are no users. Default: false. */
  readonly certificates?: boolean
}

export type Area = 'details' | 'metrics' | 'lifecycle'

/** The rules at work. They may be replaced while requests come in. */
export interface Access {
  /** The hook that stands before the routes of an area. */
  guard(area: Area): onRequestAsyncHookHandler
  /** @throws TypeError for an entry of `allow` or `hosts` that is none; the rules of before stay. */
  replace(rules: AccessRules): void
  close(): Promise<void>
}

interface Gate {
  readonly details: NonNullable<AccessRules['details']>
  /** Undefined: everybody. */
  readonly allowed: AddressList | undefined
  readonly isKnownHost: HostRule
  /** Undefined: no log-in. */
  readonly users: Users | undefined
  readonly certificates: boolean
  readonly credentials: Credentials
}

const toOpen = 'set server.allow to the networks that may see them, or add users'

const refusals = {
  unauthorized: plainAnswer(401, { 'www-authenticate': 'Basic realm="pulsecheck", charset="UTF-8"' }),
  busy: plainAnswer(503, { 'retry-after': '1' }),
  hidden: plainAnswer(404),
  notAllowed: forbidden('this address is not in server.allow'),
  fromBrowser: forbidden('browsers may not ask for this'),
  crossSite: forbidden('a page of another site asked for this; open the address itself'),
  notLocal: forbidden(`details are shown on this machine alone; ${toOpen}`),
  forwarded: forbidden(`details are shown on this machine alone, and a proxy passed this on; ${toOpen}`),
  unknownHost: forbidden('this host name is not known here; add it to server.hosts, or use the IP address'),
} as const

/** @throws TypeError for an entry of `allow` or `hosts` that is none. */
export function createAccess(rules: AccessRules, bcrypt: Bcrypt = createBcrypt()): Access {
  const credentials = createCredentials(bcrypt)
  let gate = createGate(rules, credentials)
  return {
    guard: area => async (request: FastifyRequest, reply: FastifyReply) => {
      const refusal = await judge(gate, area, request)
      return refusal === undefined ? undefined : send(reply, refusal)
    },
    replace(rules) {
      gate = createGate(rules, credentials)
    },
    close: bcrypt.close,
  }
}

function createGate(rules: AccessRules, credentials: Credentials): Gate {
  const { details = 'authorized', allow = [], hosts = [], users, certificates = false } = rules
  return {
    details,
    allowed: allow.length === 0 ? undefined : createAddressList(allow),
    isKnownHost: hostRule(hosts),
    users: users?.size === 0 ? undefined : users,
    certificates,
    credentials,
  }
}

async function judge(gate: Gate, area: Area, request: FastifyRequest): Promise<Answer | undefined> {
  if (area === 'details') return await judgeDetails(gate, request)
  if (area === 'lifecycle' && isFromBrowser(request)) return refusals.fromBrowser
  return await judgeClient(gate, request)
}

async function judgeDetails(gate: Gate, request: FastifyRequest): Promise<Answer | undefined> {
  const { details, users, isKnownHost } = gate
  if (details === 'never') return refusals.hidden
  if (isCrossSite(request)) return refusals.crossSite
  if (details === 'authorized') {
    const refusal = (await judgeClient(gate, request)) ?? judgeStranger(gate, request)
    // A browser sends no log-in to a name that it was not typed in for.
    if (refusal !== undefined || users !== undefined) return refusal
  }
  if (isKnownHost(request)) return undefined
  return users !== undefined && (await judgeLogin(gate, request)) === undefined
    ? undefined
    : refusals.unknownHost
}

/** By address and log-in. */
async function judgeClient(gate: Gate, request: FastifyRequest): Promise<Answer | undefined> {
  if (gate.allowed?.(request.ip ?? '') === false) return refusals.notAllowed
  return await judgeLogin(gate, request)
}

async function judgeLogin(
  { users, credentials }: Gate,
  request: FastifyRequest,
): Promise<Answer | undefined> {
  if (users === undefined) return undefined
  const { authorization } = request.headers
  const proof = await credentials.verify({ users, authorization, address: request.ip ?? '' })
  if (proof === 'valid') return undefined
  return proof === 'busy' ? refusals.busy : refusals.unauthorized
}

/** Where no rule says who may see the details: this machine. */
function judgeStranger(gate: Gate, request: FastifyRequest): Answer | undefined {
  if (gate.allowed !== undefined || gate.users !== undefined || isLocal(request)) return undefined
  if (gate.certificates && hasVerifiedCertificate(request)) return undefined
  return isForwarded(request.headers) ? refusals.forwarded : refusals.notLocal
}

function forbidden(why: string): Answer {
  return answer(403, mediaTypes.text, `403 Forbidden: ${why}\n`)
}
