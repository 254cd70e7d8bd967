/** Reads a presented certificate chain, for messages and for the expiry gauge. Pure. */
import type { X509Certificate } from 'node:crypto'

/** Returns the leaf, followed by the issuer of each certificate. */
export function chainOf(leaf: X509Certificate | undefined): readonly X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let next = leaf; next !== undefined; next = issuerOf(next)) chain.push(next)
  return chain
}

function issuerOf(certificate: X509Certificate): X509Certificate | undefined {
  const issuer = certificate.issuerCertificate
  return issuer === undefined || issuer.fingerprint256 === certificate.fingerprint256 ? undefined : issuer
}

/**
 * Returns the certificate of a chain that expires first. A self-signed root is ignored unless it is the leaf: it may come
 * from the local store, in which case the peer cannot renew it.
 */
export function findFirstToExpire(chain: readonly X509Certificate[]): X509Certificate | undefined {
  return earliest(chain.filter((each, i) => i === 0 || !isSelfSigned(each)))
}

/** Returns the certificate that expires first. */
export function earliest(certificates: readonly X509Certificate[]): X509Certificate | undefined {
  return certificates.toSorted((a, b) => a.validToDate.getTime() - b.validToDate.getTime())[0]
}

/** Whether a certificate is its own issuer, as a root is. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate)
}

/**
 * Explains in a sentence why a chain was refused: which certificate, with its names, dates and issuer.
 *
 * @param code the result of the verification as Node names it: `CERT_HAS_EXPIRED`.
 * @param wanted the name that the certificate should be for.
 */
export function refusalText(code: string, chain: readonly X509Certificate[], wanted: string): string {
  const [leaf] = chain
  const top = chain.at(-1)
  if (leaf === undefined || top === undefined) return `the certificate is refused: ${code}`
  const now = Date.now()
  switch (code) {
    case 'CERT_HAS_EXPIRED': {
      const one = chain.find(({ validToDate }) => validToDate.getTime() < now) ?? leaf
      return expiryText(one)
    }
    case 'CERT_NOT_YET_VALID': {
      const one = chain.find(({ validFromDate }) => validFromDate.getTime() > now) ?? leaf
      return `the certificate is valid only from ${day(one.validFromDate)} on (${signedName(one)})`
    }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate is for ${namesOf(leaf)}; not for ${wanted}`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `the certificate is self-signed (${nameOf(leaf.subject)})`
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `the certificate is signed by an authority that is not trusted: ${nameOf(top.subject)}`
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `the certificate is signed by an unknown authority: ${nameOf(top.issuer)}`
    default:
      return `the certificate is refused: ${code} (${signedName(leaf)})`
  }
}

/** `the certificate expires on 2026-12-01 (CN=db, issued by CN=Example CA)`. */
export function expiryText(certificate: X509Certificate): string {
  const verb = certificate.validToDate.getTime() < Date.now() ? 'expired' : 'expires'
  return `the certificate ${verb} on ${day(certificate.validToDate)} (${signedName(certificate)})`
}

const maxNames = 5
const maxNameLength = 64

/**
 * Lists the names that the certificate is for. If there are none, gives its subject, which is not used for verification.
 */
function namesOf({ subjectAltName, subject }: X509Certificate): string {
  const names = (subjectAltName ?? '')
    .split(', ')
    .flatMap(entry => /^(?:DNS|IP Address):(.+)$/s.exec(entry)?.[1] ?? [])
  if (names.length === 0) return `no host by its alternative names (${nameOf(subject)})`
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : ''
  return `${names.slice(0, maxNames).map(bounded).join(', ')}${more}`
}

function signedName({ subject, issuer }: X509Certificate): string {
  return `${nameOf(subject)}, issued by ${nameOf(issuer)}`
}

/** Returns the common name of a distinguished name, which has one part per line, or its last part if it has none. */
function nameOf(distinguished: string | undefined): string {
  const parts = (distinguished ?? '').split('\n')
  const name = parts.find(part => part.startsWith('CN=')) ?? parts.at(-1)
  return name ? bounded(name) : 'nobody'
}

function bounded(text: string): string {
  return text.length <= maxNameLength ? text : `${text.slice(0, maxNameLength - 1)}…`
}

function day(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'an unreadable date' : date.toISOString().slice(0, 10)
}
