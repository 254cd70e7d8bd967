/**
 * Who may see what. Probes are always open to everybody: kubelets and load balancers cannot log in, and their addresses
 * are not known in advance. Everything else follows these rules:
 *
 * | what | who |
 * |---|---|
 * | `/metrics` | clients from `allow`, if it is set, that log in, if there are users (as with exporter-toolkit) |
 * | `/health`, `/config`, `/` | by `details`: `authorized` as for metrics, but only this machine with neither `allow` nor users; `always` everybody; `never` nobody (404) |
 * | `/-/reload` | as for metrics, but no browsers |
 *
 * Pages of other sites never see the details, no matter in whose browser they run: see `isCrossSite` and `createHostRule`.
 */
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { ListenAddress } from '../../model/notation.ts'
import { type Answer, answer, mediaTypes, plainAnswer, send } from '../http/answer.ts'
import type { AccessRules, Users } from '../options.ts'
import { type Bcrypt, createBcrypt } from './bcrypt.ts'
import { type Credentials, createCredentials } from './credentials.ts'
import {
  type AddressList,
  createAddressList,
  createHostRule,
  type HostRule,
  hasVerifiedCertificate,
  isCrossSite,
  isForwarded,
  isFromBrowser,
  isLocal,
} from './origin.ts'

type Area = 'details' | 'metrics' | 'lifecycle'
/** Where access rules are written: in a config file, or by an application. */
export type Section = 'server' | 'access'

/** The rules in force. They can be replaced at any time. */
export interface Access {
  /** Returns the hook that protects the routes of an area. */
  guard(area: Area): onRequestAsyncHookHandler
  /** @throws TypeError for an invalid entry of `allow` or `hosts`; the current rules stay in force. */
  replace(rules: AccessRules): void
  close(): Promise<void>
}

interface Gate {
  readonly details: NonNullable<AccessRules['details']>
  /** Undefined: everybody. */
  readonly allowed: AddressList | undefined
  readonly isKnownHost: HostRule
  /** Undefined: no login. */
  readonly users: Users | undefined
  readonly certificates: boolean
  readonly credentials: Credentials
  readonly refusals: ReturnType<typeof refusalsNaming>
}

const refusals = {
  unauthorized: plainAnswer(401, { 'www-authenticate': 'Basic realm="pulsecheck", charset="UTF-8"' }),
  busy: plainAnswer(503, { 'retry-after': '1' }),
  hidden: plainAnswer(404),
  fromBrowser: forbidden('browsers may not do this'),
  crossSite: forbidden('a page of another site requested this; open the address directly'),
} as const

/** The refusals that name a key of the rules, by where these stand: `server` in a config file, `access` in an application. */
function refusalsNaming(section: string) {
  const howToOpen = `to open them, set ${section}.allow to the networks that may see them, or add users`
  const only = 'details are shown only to clients on this machine'
  return {
    notAllowed: forbidden(`this address is not in ${section}.allow`),
    notLocal: forbidden(`${only}; ${howToOpen}`),
    forwarded: forbidden(`${only}, and a proxy forwarded this request; ${howToOpen}`),
    unknownHost: forbidden(`this host name is unknown; add it to ${section}.hosts, or use the IP address`),
  }
}

/**
 * @param section where the rules stand, for those who are refused.
 * @throws TypeError for an invalid entry of `allow` or `hosts`.
 */
export function createAccess(rules: AccessRules, section: Section, bcrypt: Bcrypt = createBcrypt()): Access {
  const credentials = createCredentials(bcrypt)
  const named = refusalsNaming(section)
  let gate = createGate(rules, credentials, named)
  return {
    guard: area => async (request: FastifyRequest, reply: FastifyReply) => {
      const refusal = await judge(gate, area, request)
      return refusal === undefined ? undefined : send(reply, refusal)
    },
    replace(rules) {
      gate = createGate(rules, credentials, named)
    },
    close: bcrypt.close,
  }
}

function createGate(rules: AccessRules, credentials: Credentials, refusals: Gate['refusals']): Gate {
  const { details = 'authorized', allow = [], hosts = [], users, certificates = false } = rules
  return {
    details,
    allowed: allow.length === 0 ? undefined : createAddressList(allow),
    isKnownHost: createHostRule(hosts),
    users: users?.size === 0 ? undefined : users,
    certificates,
    credentials,
    refusals,
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
    // A browser sends a login only to the name for which it was entered.
    if (refusal !== undefined || users !== undefined) return refusal
  }
  if (isKnownHost(request)) return undefined
  return users !== undefined && (await judgeLogin(gate, request)) === undefined
    ? undefined
    : gate.refusals.unknownHost
}

/** Judges a client by its address and login. */
async function judgeClient(gate: Gate, request: FastifyRequest): Promise<Answer | undefined> {
  if (gate.allowed?.(request.ip ?? '') === false) return gate.refusals.notAllowed
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

/** Judges a client that no rule mentions: only this machine sees the details. */
function judgeStranger(gate: Gate, request: FastifyRequest): Answer | undefined {
  if (gate.allowed !== undefined || gate.users !== undefined || isLocal(request)) return undefined
  if (gate.certificates && hasVerifiedCertificate(request)) return undefined
  return isForwarded(request.headers) ? gate.refusals.forwarded : gate.refusals.notLocal
}

function forbidden(why: string): Answer {
  return answer(403, mediaTypes.text, `403 Forbidden: ${why}\n`)
}

export interface Audience {
  readonly probes: string
  readonly metrics: string
  readonly details: string
  readonly reload: string
}

export interface Circumstances {
  readonly address: ListenAddress
  /** Clients without a verified certificate are refused. */
  readonly requiresCertificate?: boolean
  /** `/-/reload` exists. */
  readonly canReload?: boolean
}

/** Describes who sees what at one address. */
export function describeAudience(
  rules: AccessRules,
  { address, requiresCertificate = false, canReload = false }: Circumstances,
): Audience {
  const everybody = requiresCertificate
    ? 'clients with a verified certificate'
    : isLoopback(address)
      ? 'everybody on this machine'
      : 'everybody'
  const listed = describeListed(rules)
  const metrics = listed ?? everybody
  const details = {
    always: everybody,
    never: 'nobody',
    authorized: listed ?? (requiresCertificate ? everybody : describeLocal(rules)),
  }
  return {
    probes: everybody,
    metrics,
    details: details[rules.details ?? 'authorized'],
    reload: canReload ? metrics : 'nobody',
  }
}

/** Returns undefined if the rules name nobody. */
function describeListed({ allow = [], users }: AccessRules): string | undefined {
  const addresses = allow.length === 0 ? undefined : `addresses in ${allow.join(', ')}`
  const people = users === undefined || users.size === 0 ? undefined : 'users who log in'
  return people !== undefined && addresses !== undefined
    ? `${people} from ${addresses}`
    : (people ?? addresses)
}

function describeLocal({ certificates = false }: AccessRules): string {
  return certificates ? 'clients on this machine or with a verified certificate' : 'clients on this machine'
}

function isLoopback({ host = '' }: ListenAddress): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
