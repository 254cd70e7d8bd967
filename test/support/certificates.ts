/**
 * Certificates for tests, good and broken, made by the `openssl` command with EC keys: about 30 ms each, all in one
 * temporary folder that `remove()` deletes. Create one authority in a test file: `afterAll(authority.remove)`.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  /** The leaf, followed by the intermediates that lead to the root: what a server presents. */
  readonly certPem: string
  /** The leaf alone: what a server presents that forgot its intermediates. */
  readonly leafPem: string
  readonly keyPem: string
  /** The same as files; the key is readable by its owner alone, the folder by everybody. */
  readonly certFile: string
  readonly keyFile: string
}

export interface IssueOptions {
  /** DNS names and IP addresses. Default: localhost, 127.0.0.1 and ::1. */
  readonly names?: readonly string[]
  /** For client certificates: the user's name. Default: the first of the names. */
  readonly commonName?: string
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** Valid until yesterday. */
  readonly expired?: boolean
  /** Valid from tomorrow. */
  readonly notYetValid?: boolean
  /** Signed by its own key instead of the authority's. */
  readonly selfSigned?: boolean
}

export interface Authority {
  /** The root, to be trusted. */
  readonly caPem: string
  readonly caFile: string
  issue(options?: IssueOptions): Certificate
  /** An authority below this one. What it issues carries it in the chain. */
  intermediate(options?: Pick<IssueOptions, 'notAfter'>): Authority
  /** Deletes all files of this authority and of those below it. */
  remove(): void
}

/** A new root, trusted by nobody else. */
export function createAuthority(commonName = 'Test Root'): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-certificates-'))
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'openssl.cnf'), config(folder))
  writeFileSync(join(folder, 'index.txt'), '')
  const root = sign(folder, { commonName, extensions: authorityExtensions, days: [-10, 3_650] })
  return authority(folder, root, root, [])
}

function authority(folder: string, root: Signed, own: Signed, chain: readonly string[]): Authority {
  return {
    caPem: root.pem,
    caFile: root.file,
    issue(options = {}) {
      const names = options.names ?? ['localhost', '127.0.0.1', '::1']
      const leaf = sign(folder, {
        commonName: options.commonName ?? names[0] ?? 'nobody',
        extensions: leafExtensions(names),
        days: [options.notYetValid ? 1 : -10, options.expired ? -1 : 365],
        ...options,
        ...(!options.selfSigned && { issuer: own }),
      })
      const certPem = [leaf.pem, ...(options.selfSigned ? [] : chain)].join('')
      const certFile = join(folder, `${leaf.id}.chain.pem`)
      writeFileSync(certFile, certPem)
      return { certPem, leafPem: leaf.pem, keyPem: leaf.keyPem, certFile, keyFile: leaf.keyFile }
    },
    intermediate(options = {}) {
      const below = sign(folder, {
        commonName: 'Test Intermediate',
        extensions: authorityExtensions,
        days: [-10, 3_650],
        issuer: own,
        ...options,
      })
      return authority(folder, root, below, [below.pem, ...chain])
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

interface Request {
  readonly commonName: string
  readonly extensions: string
  /** Beginning and end of validity, in days from now. */
  readonly days: readonly [number, number]
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** Signed by its own key if absent. */
  readonly issuer?: Signed
}

interface Signed {
  readonly id: string
  readonly pem: string
  readonly file: string
  readonly keyPem: string
  readonly keyFile: string
}

const authorityExtensions = 'basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n'

function leafExtensions(names: readonly string[]): string {
  // A section of their own, where a comma in a name is a comma.
  const alternatives = names.map((name, i) => `${isIP(name) === 0 ? 'DNS' : 'IP'}.${i}=${name}\n`)
  const usage = 'basicConstraints=CA:false\nextendedKeyUsage=serverAuth,clientAuth\n'
  return names.length === 0 ? usage : `${usage}subjectAltName=@names\n[names]\n${alternatives.join('')}`
}

/** `openssl ca`, since it alone takes dates in the past and in the future in OpenSSL 3.0. */
function sign(folder: string, request: Request): Signed {
  const id = crypto.randomUUID()
  const path = (suffix: string) => join(folder, `${id}.${suffix}`)
  const [file, keyFile] = [path('pem'), path('key.pem')]
  const subject = ['-subj', `/CN=${request.commonName}`]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile]
  openssl('req', '-config', join(folder, 'openssl.cnf'), '-new', ...key, ...subject, '-out', path('csr'))
  writeFileSync(path('ext'), request.extensions)
  const signer = request.issuer
    ? ['-cert', request.issuer.file, '-keyfile', request.issuer.keyFile]
    : ['-selfsign', '-keyfile', keyFile]
  const [begin, end] = request.days.map(days => new Date(Date.now() + days * 86_400_000))
  const dates = [request.notBefore ?? begin, request.notAfter ?? end].map(utc)
  const given = ['-in', path('csr'), '-extfile', path('ext'), '-out', file]
  const validity = ['-startdate', dates[0]!, '-enddate', dates[1]!]
  openssl('ca', '-config', join(folder, 'openssl.cnf'), '-batch', '-notext', ...signer, ...validity, ...given)
  chmodSync(keyFile, 0o600)
  return { id, file, keyFile, pem: readFileSync(file, 'utf8'), keyPem: readFileSync(keyFile, 'utf8') }
}

/** ASN.1 GeneralizedTime: `20260131235959Z`. */
function utc(date: Date | undefined): string {
  return `${date?.toISOString().replace(/\D/g, '').slice(0, 14)}Z`
}

function config(folder: string): string {
  return `[ca]
default_ca=test
[test]
database=${folder}/index.txt
new_certs_dir=${folder}
rand_serial=yes
unique_subject=no
default_md=sha256
policy=any
[any]
commonName=supplied
[req]
distinguished_name=name
[name]
`
}

function openssl(...args: string[]): void {
  try {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error('these tests need the openssl command: apt-get install openssl', { cause: error })
  }
}
