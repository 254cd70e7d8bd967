import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { WebConfig } from '../../../src/server/index.ts'
import { loadWebConfig } from '../../../src/service/web.ts'
import { createAuthority } from '../../support/certificates.ts'

const authority = createAuthority()
const own = authority.issue()
const other = authority.issue()
const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-web-'))
afterAll(() => {
  authority.remove()
  rmSync(folder, { recursive: true })
})
writeFileSync(join(folder, 'server.crt'), own.certPem)
writeFileSync(join(folder, 'server.key'), own.keyPem)
writeFileSync(join(folder, 'other.key'), other.keyPem)
writeFileSync(join(folder, 'ca.crt'), authority.caPem)
writeFileSync(join(folder, 'garbage.pem'), 'garbage')
const file = join(folder, 'web.yml')
const hash = '$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi'

/** The parsed file, or its problems without the folder. */
async function load(text: string): Promise<WebConfig | readonly string[]> {
  writeFileSync(file, text)
  const { web, problems } = await loadWebConfig(file)
  return web ?? problems.map(problem => problem.replaceAll(`${folder}/`, ''))
}

const pair = 'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n'

describe('what is understood', () => {
  test('users and headers alone', async () => {
    const text = `basic_auth_users:\n  alice: ${hash}\nhttp_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n`
    expect(await load(text)).toEqual({
      users: new Map([['alice', hash]]),
      headers: { 'X-Frame-Options': 'deny' },
    })
  })

  test('a certificate, with the defaults of exporter-toolkit', async () => {
    expect(await load(pair)).toEqual({
      users: new Map(),
      headers: {},
      tls: {
        cert: own.certPem,
        key: own.keyPem,
        clientAuth: 'NoClientCert',
        clientSans: [],
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.3',
        preferServerCiphers: true,
      },
    })
  })

  test('everything else of TLS', async () => {
    const text = `${pair}  client_ca_file: ${folder}/ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [scraper.example]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_RSA_WITH_AES_256_CBC_SHA]
  curve_preferences: [X25519, CurveP256]
  prefer_server_cipher_suites: false
`
    expect(await load(text)).toMatchObject({
      tls: {
        clientCa: authority.caPem,
        clientAuth: 'RequireAndVerifyClientCert',
        clientSans: ['scraper.example'],
        minVersion: 'TLSv1.3',
        ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:AES256-SHA',
        curves: 'X25519:prime256v1',
        preferServerCiphers: false,
      },
    })
  })

  test('certificate and key in the file itself', async () => {
    const block = (pem: string) => `|\n${pem.trim().replace(/^/gm, '    ')}`
    const loaded = await load(
      `tls_server_config:\n  cert: ${block(own.certPem)}\n  key: ${block(own.keyPem)}\n`,
    )
    expect(loaded).toMatchObject({ tls: { cert: own.certPem, key: own.keyPem } })
  })
})

describe('what is refused, with its place', () => {
  test.each([
    [
      'tls_server_configs: {}\n',
      ['web.yml:1:1: tls_server_configs: unknown key; did you mean tls_server_config?'],
    ],
    ['rate_limit:\n  interval: 1s\n', ['web.yml:1:1: rate_limit: unknown key']],
    [
      'basic_auth_users:\n  alice: secret-password\n  "a:b": x\n',
      [
        'web.yml:2:10: basic_auth_users.alice: expected a bcrypt hash of cost 4 to 16, as `htpasswd -nBC 10 "" | tr -d ":"` prints it',
        expect.stringMatching(/^web.yml:3:3: .*a user name has no colon and no control characters$/),
      ],
    ],
    [
      'tls_server_config:\n  min_version: TLS12\n',
      [
        'web.yml:1:1: tls_server_config.cert_file: is missing: TLS needs a certificate',
        'web.yml:1:1: tls_server_config.key_file: is missing: TLS needs the key of its certificate',
      ],
    ],
    [
      pair.replace('server.crt', 'nothing.crt'),
      ['web.yml:2:14: tls_server_config.cert_file: nothing.crt does not exist'],
    ],
    [
      pair.replace('server.key', 'nothing.key'),
      ['web.yml:3:13: tls_server_config.key_file: nothing.key does not exist'],
    ],
    [
      `${pair}  client_ca_file: nothing.crt\n  client_auth_type: VerifyClientCertIfGiven\n`,
      ['web.yml:4:19: tls_server_config.client_ca_file: nothing.crt does not exist'],
    ],
    [
      `${pair}  cert: x\n`,
      ['web.yml:4:9: tls_server_config.cert: cert and cert_file are both set; keep one'],
    ],
    [
      `${pair}  client_auth_type: RequireAndVerifyClientCert\n`,
      [
        'web.yml:1:1: tls_server_config.client_ca_file: is missing; RequireAndVerifyClientCert needs it to verify with',
      ],
    ],
    [
      `${pair}  client_ca_file: ca.crt\n`,
      [
        'web.yml:1:1: tls_server_config.client_auth_type: is missing; client certificates are not asked for without it',
      ],
    ],
    [
      `${pair}  client_allowed_sans: [a]\n`,
      [
        'web.yml:4:3: tls_server_config.client_allowed_sans: needs client_auth_type VerifyClientCertIfGiven or RequireAndVerifyClientCert',
      ],
    ],
    [
      `${pair}  min_version: TLS13\n  max_version: TLS12\n`,
      ['web.yml:4:16: tls_server_config.min_version: TLS13 is above max_version TLS12'],
    ],
    [
      `${pair}  cipher_suites: [TLS_ROT13]\n`,
      [
        'web.yml:4:19: tls_server_config.cipher_suites[0]: expected the name of a TLS cipher suite, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
      ],
    ],
    [
      'http_server_config:\n  headers:\n    X-Frame-Options: "a\\r\\nb: c"\n',
      [
        'web.yml:3:22: http_server_config.headers.X-Frame-Options: expected a header value: text on one line, without control characters',
      ],
    ],
    ['', ['web.yml:1:1: is empty']],
    ['a: [\n', [expect.stringContaining('web.yml:')]],
  ])('%j', async (text, problems) => {
    expect(await load(text)).toEqual(problems)
  })

  test.each([
    ['02', false],
    ['03', false],
    ['04', true],
    ['16', true],
    ['17', false],
    ['31', false],
  ])('a bcrypt hash of cost %s: taken %s', async (cost, isTaken) => {
    const loaded = await load(`basic_auth_users:\n  alice: ${hash.replace('$10$', `$${cost}$`)}\n`)
    expect('users' in loaded).toBe(isTaken)
  })

  test.each([
    ['/dev/zero', 'is not a regular file'],
    ['pipe', 'is not a regular file'],
    ['.', 'is a directory, not a file'],
    ['large.crt', 'is larger than 1024 KiB'],
    ['empty.crt', 'is empty'],
  ])('a certificate in %s', async (name, why) => {
    execFileSync('mkfifo', ['-m', '600', join(folder, 'pipe')])
    writeFileSync(join(folder, 'large.crt'), 'x'.repeat(1024 * 1024 + 1))
    writeFileSync(join(folder, 'empty.crt'), '')
    const problems = await load(pair.replace('server.crt', name))
    rmSync(join(folder, 'pipe'))
    expect(problems).toEqual([expect.stringMatching(/^web.yml:2:14: tls_server_config.cert_file: /)])
    expect(problems).toEqual([expect.stringContaining(why)])
  })

  test.each(['garbage.pem', 'other.key'])('a key that does not fit: %s', async key => {
    const problems = (await load(pair.replace('server.key', key))) as readonly string[]
    expect(problems).toEqual([
      expect.stringMatching(
        /^web.yml:2:14: tls_server_config.cert_file: the certificate and its key cannot be used: error:/,
      ),
    ])
  })
})
