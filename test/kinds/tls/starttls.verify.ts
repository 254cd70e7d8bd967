/** STARTTLS against servers that nobody here wrote: `npm run verify:starttls`, as root on Debian. */
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import type { Protocol } from '../../../src/kinds/tls/starttls.ts'
import { tls } from '../../../src/kinds/tls/tls.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check, type Options } from '../../support/check.ts'
import { until } from '../../support/net.ts'
import {
  mariadbStatus,
  type Server,
  startDovecot,
  startMariadb,
  startNginx,
  startPostfix,
  startSlapd,
  startVsftpd,
} from './servers.ts'

const authority = createAuthority()
const good = authority.issue()
const expired = authority.issue({ expired: true })
afterAll(() => authority.remove())

const at = (port: number, more: Options = {}) => ({
  host: '127.0.0.1',
  port,
  tls: { ca: authority.caPem },
  ...more,
})
const slowly = 10_000

async function withServer(starting: Promise<Server>, use: (server: Server) => Promise<void>): Promise<void> {
  const server = await starting
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

const starts: readonly (readonly [Protocol, typeof startPostfix])[] = [
  ['smtp', startPostfix],
  ['imap', certificate => startDovecot(certificate, 'imap')],
  ['pop3', certificate => startDovecot(certificate, 'pop3')],
  ['ftp', startVsftpd],
  ['ldap', startSlapd],
  ['mysql', startMariadb],
]

describe.each(starts)('%s', (startTls, start) => {
  test('a good certificate is ok, and measured', async () => {
    await withServer(start(good), async ({ port }) => {
      const result = await check(tls, at(port, { startTls }), slowly)
      expect(result).toMatchObject({ ok: true, measurements: { certificates: 1, verified: 1 } })
    })
  })

  test('an expired certificate is CERT_HAS_EXPIRED, and measured', async () => {
    await withServer(start(expired), async ({ port }) => {
      const result = await check(tls, at(port, { startTls }), slowly)
      expect(result).toMatchObject({
        ok: false,
        detail: 'CERT_HAS_EXPIRED',
        measurements: { leaf_not_after_timestamp_seconds: expect.any(Number), verified: 0 },
      })
    })
  })

  test('TLS at once, without asking, is not TLS', async () => {
    await withServer(start(good), async ({ port }) => {
      expect((await check(tls, at(port), slowly)).ok).toBe(false)
    })
  })
})

test('Postfix takes our name, and sees a session end', async () => {
  await withServer(startPostfix(good), async ({ port, dir }) => {
    expect(await check(tls, at(port, { startTls: 'smtp' }), slowly)).toMatchObject({ ok: true })
    const log = () => readFileSync(`${dir}/log`, 'utf8')
    await until(() => log().includes('ehlo=1 starttls=1 quit=1 commands=3'), 'it logs the end')
  })
})

test('OpenLDAP without a certificate refuses', async () => {
  await withServer(startSlapd(good, false), async ({ port }) => {
    expect(await check(tls, at(port, { startTls: 'ldap' }), slowly)).toMatchObject({
      reason: 'tls_error',
      detail: 'starttls_refused',
    })
  })
})

test('MariaDB counts none of our connections as one that ended without a login', async () => {
  await withServer(startMariadb(good), async server => {
    const before = mariadbStatus(server, 'Aborted_connects_preauth')
    for (const trust of [{ ca: authority.caPem }, {}])
      await check(tls, at(server.port, { startTls: 'mysql', tls: trust }), slowly)
    expect(mariadbStatus(server, 'Aborted_connects_preauth')).toBe(before)
    expect(mariadbStatus(server, 'Aborted_connects')).toBeGreaterThan(before)
  })
})

test('nginx agrees on HTTP/2', async () => {
  await withServer(startNginx(good), async ({ port }) => {
    const options = { expect: { alpn: 'h2', protocol: 'TLSv1.3', cipher: '^TLS_AES_256_GCM_SHA384$' } }
    expect(await check(tls, at(port, options), slowly)).toMatchObject({ ok: true })
    expect(await check(tls, at(port, { expect: { alpn: 'imap' } }), slowly)).toMatchObject({
      detail: 'tls_alert_no_application_protocol',
    })
  })
})
