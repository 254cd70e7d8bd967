import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { WebConfig } from '../../../src/server/access/webfile.ts'
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
const hash = '$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi'

function loadText(text: string, name = 'web.yml') {
  const file = join(folder, name)
  writeFileSync(file, text)
  return loadWebConfig(file)
}

/** The parsed file, or its problems without the folder. */
async function load(text: string): Promise<WebConfig | readonly string[]> {
  const { web, problems } = await loadText(text)
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

  test('every version and curve by its Go name', async () => {
    const curves = 'curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]'
    const versions = ['TLS10', 'TLS11', 'TLS12', 'TLS13'].map(async version => {
      const { web } = await loadText(`${pair}  min_version: ${version}\n  ${curves}\n`, `${version}.yml`)
      return [web?.tls?.minVersion, web?.tls?.curves]
    })
    const openSslCurves = 'prime256v1:secp384r1:secp521r1:X25519'
    expect(await Promise.all(versions)).toEqual([
      ['TLSv1', openSslCurves],
      ['TLSv1.1', openSslCurves],
      ['TLSv1.2', openSslCurves],
      ['TLSv1.3', openSslCurves],
    ])
  })

  test('every suite of Go that Node knows, and those of TLS 1.3', async () => {
    const suites = [
      'TLS_RSA_WITH_AES_128_CBC_SHA',
      'TLS_RSA_WITH_AES_256_GCM_SHA384',
      'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA',
      'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256',
      'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
      'TLS_AES_128_GCM_SHA256',
    ]
    expect(await load(`${pair}  cipher_suites: [${suites}]\n`)).toMatchObject({
      tls: {
        ciphers:
          'AES128-SHA:AES256-GCM-SHA384:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-CHACHA20-POLY1305:TLS_AES_128_GCM_SHA256',
      },
    })
  })

  test('allowed names of clients wherever certificates are verified, and their authority in the file', async () => {
    const text = `${pair}  client_ca: ${JSON.stringify(authority.caPem)}\n  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [a, b]\n`
    expect(await load(text)).toMatchObject({
      tls: { clientCa: authority.caPem, clientAuth: 'VerifyClientCertIfGiven', clientSans: ['a', 'b'] },
    })
  })

  test('relative paths start at the file; the files that it names are those to follow', async () => {
    const { files } = await loadText(
      `${pair}  client_ca_file: ${folder}/ca.crt\n  client_auth_type: VerifyClientCertIfGiven\n`,
    )
    const named = ['web.yml', 'server.crt', 'server.key', 'ca.crt']
    expect(files).toEqual(named.map(name => join(folder, name)))
  })

  test('without files of its own, it alone is to follow', async () => {
    const inside = `tls_server_config: { cert: ${JSON.stringify(own.certPem)}, key: ${JSON.stringify(own.keyPem)} }\n`
    for (const text of [`basic_auth_users: { alice: ${hash} }\n`, inside])
      expect((await loadText(text)).files).toEqual([join(folder, 'web.yml')])
  })

  test.each([
    'X-XSS-Protection',
    'X-Content-Type-Options',
    'Strict-Transport-Security',
    'Content-Security-Policy',
  ])('the header %s', async name => {
    const headers = { [name]: 'x' }
    expect(await load(`http_server_config:\n  headers:\n    ${name}: x\n`)).toMatchObject({ headers })
  })

  test('a user name of 256 characters', async () => {
    const name = 'é'.repeat(256)
    expect(await load(`basic_auth_users:\n  ${name}: ${hash}\n`)).toMatchObject({
      users: new Map([[name, hash]]),
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
    [
      `${pair}  client_ca_file: ca.crt\n  client_ca: x\n  client_auth_type: VerifyClientCertIfGiven\n`,
      ['web.yml:5:14: tls_server_config.client_ca: client_ca and client_ca_file are both set; keep one'],
    ],
    [`${pair}  client_allowed_sans: a\n`, [expect.stringContaining('client_allowed_sans: expected')]],
    [`${pair}  min_version: SSL3\n`, [expect.stringContaining('min_version: expected')]],
    [`${pair}  curve_preferences: [x]\n`, [expect.stringContaining('curve_preferences[0]: expected')]],
    [`${pair}  unknown: 1\n`, ['web.yml:4:3: tls_server_config.unknown: unknown key']],
    [
      'http_server_config:\n  http3: true\n',
      [expect.stringContaining('http_server_config.http3: unknown key')],
    ],
    [
      'http_server_config:\n  headers:\n    Server: x\n',
      ['web.yml:3:5: http_server_config.headers.Server: unknown key'],
    ],
    [`basic_auth_users:\n  "": ${hash}\n`, [expect.stringContaining('a user name has no colon')]],
    [`basic_auth_users:\n  "a\\tb": ${hash}\n`, [expect.stringContaining('a user name has no colon')]],
    [
      `basic_auth_users:\n  ${'x'.repeat(257)}: ${hash}\n`,
      [expect.stringContaining('a user name has no colon')],
    ],
    [`basic_auth_users:\n  alice: x${hash}\n`, [expect.stringContaining('expected a bcrypt hash')]],
    [`basic_auth_users:\n  alice: ${hash}x\n`, [expect.stringContaining('expected a bcrypt hash')]],
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

  test.each(['cert_file', 'key_file', 'cert', 'key', 'client_ca_file', 'client_ca'])(
    'an empty %s',
    async name => {
      const problems = await load(`tls_server_config:\n  ${name}: ""\n`)
      expect(problems).toEqual([
        expect.stringMatching(`^web.yml:2:\\d+: tls_server_config.${name}: must not be empty$`),
      ])
    },
  )

  test('an empty name of a client', async () => {
    expect(await load(`${pair}  client_allowed_sans: [""]\n`)).toEqual([
      expect.stringContaining('tls_server_config.client_allowed_sans[0]: '),
    ])
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
