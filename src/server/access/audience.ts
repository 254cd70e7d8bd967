/** The access rules in words, for the log. */
import type { ListenAddress } from '../../model/notation.ts'
import type { AccessRules } from '../options.ts'

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
