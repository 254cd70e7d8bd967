/** STARTTLS against a real PostgreSQL, scripted servers of every protocol, and hostile ones. Real ones of all: starttls.verify.ts. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Protocol, protocols } from '../../../src/kinds/tls/starttls.ts'
import { tls } from '../../../src/kinds/tls/tls.ts'
import { createAuthority } from '../../support/certificates.ts'
import { check, type Options, startCheck } from '../../support/check.ts'
import { type ByteServer, serve, until } from '../../support/net.ts'
import { type PostgresServer, startPostgres } from '../../support/postgres.ts'

const authority = createAuthority()
const good = authority.issue()
const servers: ByteServer[] = []
afterAll(async () => {
  for (const server of servers) await server.close()
  authority.remove()
})

async function server(talk: (socket: Socket) => void): Promise<number> {
  const one = await serve(talk)
  servers.push(one)
  return one.port
}

const at = (port: number, startTls: Protocol, more: Options = {}) => ({
  host: '127.0.0.1',
  port,
  startTls,
  tls: { ca: authority.caPem },
  ...more,
})

type Bytes = string | Buffer

/** What a server says first, then what it says to each thing that it hears. */
interface Script {
  readonly greeting?: Bytes
  readonly turns: readonly (readonly [heard: string, answer: Bytes])[]
}

/** The first packets of MariaDB 10.11 and of OpenLDAP 2.5; the texts are of Postfix, Dovecot and vsftpd. */
const mysqlGreeting = (flags: number) => {
  const version = Buffer.from('\n5.5.5-10.11.6-MariaDB\0')
  const rest = Buffer.alloc(4 + 8 + 1 + 2 + 16 + 13)
  rest.writeUInt16LE(flags, 13)
  const body = Buffer.concat([version, rest])
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body])
}
const packet = (sequence: number, body: string) =>
  Buffer.concat([Buffer.from([body.length, 0, 0, sequence]), Buffer.from(body, 'latin1')])
const ldapResult = (code: number, text = '') => {
  const words = Buffer.from(text)
  const response = Buffer.concat([Buffer.from([0x0a, 1, code, 0x04, 0, 0x04, words.length]), words])
  const message = Buffer.concat([Buffer.from([0x02, 1, 1, 0x78, response.length]), response])
  return Buffer.concat([Buffer.from([0x30, message.length]), message])
}
const ldapRequest = '\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037'
const sslRequest = `\x20\0\0\x01\0\x8a\x08\0\0\0\0\x01\x2d${'\0'.repeat(23)}`

const scripts: Readonly<Record<Protocol, Script>> = {
  smtp: {
    greeting: '220-mail.example ESMTP\r\n220 no spam\r\n',
    turns: [
      ['EHLO [127.0.0.1]\r\n', '250-mail.example\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 CHUNKING\r\n'],
      ['STARTTLS\r\n', '220 2.0.0 Ready to start TLS\r\n'],
    ],
  },
  imap: {
    greeting: '* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\n',
    turns: [['a STARTTLS\r\n', '* CAPABILITY IMAP4rev1\r\na OK Begin TLS negotiation now.\r\n']],
  },
  pop3: { greeting: '+OK Dovecot ready.\r\n', turns: [['STLS\r\n', '+OK Begin TLS negotiation now.\r\n']] },
  ftp: {
    greeting: '120 soon\r\n220-welcome\r\n 220 not the end\r\n220 (vsFTPd 3.0.3)\r\n',
    turns: [['AUTH TLS\r\n', '234 Proceed with negotiation.\r\n']],
  },
  ldap: { turns: [[ldapRequest, ldapResult(0)]] },
  postgres: { turns: [['\0\0\0\x08\x04\xd2\x16\x2f', 'S']] },
  mysql: { greeting: mysqlGreeting(0xf7fe | 0x0800), turns: [[sslRequest, '']] },
}

/** Plays a script; what comes after it is handed on, with what has arrived by then of it. */
function play(
  { greeting = '', turns }: Script,
  then: (socket: Socket) => void = socket => void socket.resume(),
) {
  return (socket: Socket) => {
    socket.write(greeting)
    const left = [...turns]
    let heard = ''
    const listen = (chunk: Buffer) => {
      heard += chunk.toString('latin1')
      const [turn] = left
      // A client of MySQL goes on in TLS at once.
      if (turn === undefined || !heard.startsWith(turn[0])) return
      const rest = heard.slice(turn[0].length)
      left.shift()
      if (left.length === 0) {
        socket.off('data', listen).pause()
        if (rest !== '') socket.unshift(Buffer.from(rest, 'latin1'))
        then(socket)
      }
      heard = ''
      socket.write(turn[1])
    }
    socket.on('data', listen)
  }
}

/** Serves TLS on a connection that began in the clear, and keeps what is said in it. */
function upgraded(said: Buffer[] = [], answers: readonly Bytes[] = [packet(3, '\xff\x15\x04no')]) {
  const left = [...answers]
  return (plain: Socket) => {
    const socket = new TLSSocket(plain, { isServer: true, cert: good.certPem, key: good.keyPem })
    socket.on('error', () => {}).on('end', () => socket.end())
    socket.on('data', chunk => {
      said.push(chunk)
      const answer = left.shift()
      if (answer !== undefined) socket.write(answer)
    })
  }
}

describe.each(protocols)('%s', protocol => {
  const script = scripts[protocol]
  const [go] = script.turns.slice(-1)
  const early = {
    ...script,
    turns: [...script.turns.slice(0, -1), [go![0], `${go![1]}NOOP\r\n`]] as Script['turns'],
  }

  test('a server that goes on in TLS is ok, and its certificate is measured', async () => {
    const port = await server(play(script, upgraded()))
    const result = await check(tls, at(port, protocol))
    expect(result).toMatchObject({ ok: true, measurements: { certificates: 1, verified: 1 } })
    expect(Object.keys(result.phases)).toEqual(['connect', 'tls', 'transfer'])
  })

  test('what comes piece by piece is put together', async () => {
    const drip = (bytes: Bytes, socket: Socket) => {
      for (const byte of Buffer.from(bytes as Buffer)) socket.write(Buffer.from([byte]))
    }
    const slow = { greeting: '', turns: script.turns }
    const port = await server(socket => {
      socket.setNoDelay(true)
      play(slow, upgraded())(socket)
      drip(script.greeting ?? '', socket)
    })
    expect(await check(tls, at(port, protocol))).toMatchObject({ ok: true })
  })

  // Of MySQL there is no go-ahead; what follows its greeting counts.
  test('words that came before the handshake are refused', async () => {
    const injected =
      protocol === 'mysql'
        ? { ...script, greeting: Buffer.concat([script.greeting as Buffer, Buffer.from('NOOP')]) }
        : early
    const result = await check(tls, at(await server(play(injected, upgraded())), protocol))
    expect(result).toMatchObject({ ok: false, reason: 'protocol_error' })
    if (protocol !== 'postgres') expect(result).toMatchObject({ detail: 'plaintext_after_starttls' })
  })

  test.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => {}],
    ['greets, and then says nothing', socket => socket.write(script.greeting ?? '')],
    ['stops before the handshake', play(script)],
    [
      'drips',
      socket => {
        const timer = setInterval(() => socket.write(protocol === 'ldap' ? '\x30\x82' : '2'), 20)
        socket.once('close', () => clearInterval(timer))
      },
    ],
  ])('a server that %s ends at the deadline or before, and is let go of', async (_what, talk) => {
    const port = await server(talk)
    const { open } = servers.at(-1)!
    const result = await check(tls, at(port, protocol), 300)
    expect(result.ok ? 'ok' : result.reason).toMatch(/^(timeout|protocol_error)$/)
    await until(() => open.size === 0, 'the connection is gone')
  })

  test.each<[string, Bytes, RegExp]>([
    ['endless lines', '220-x\r\n'.repeat(1_000), /^(body_too_large|protocol_error)$/],
    ['an endless line', Buffer.alloc(100_000, '2'), /^(body_too_large|protocol_error)$/],
    ['garbage', Buffer.from('ffeeddccbbaa0a0d0a99', 'hex'), /^protocol_error$/],
    ["another protocol's words", 'HTTP/1.1 400 Bad Request\r\n\r\n', /^protocol_error$/],
  ])('%s are protocol_error', async (_what, words, detail) => {
    const result = await check(tls, at(await server(socket => socket.write(words)), protocol))
    expect(result).toMatchObject({
      ok: false,
      reason: 'protocol_error',
      detail: expect.stringMatching(detail),
    })
  })

  test('a server that hangs up is connection_error', async () => {
    const port = await server(socket => socket.end())
    expect(await check(tls, at(port, protocol))).toMatchObject({
      reason: 'connection_error',
      detail: 'closed_early',
    })
  })

  test('an abort during the dialogue lets go of the connection', async () => {
    const port = await server(() => {})
    const { open } = servers.at(-1)!
    const running = startCheck(tls, at(port, protocol), 60_000)
    await until(() => open.size === 1, 'the check is connected')
    running.abort()
    await running.settled
    await until(() => open.size === 0, 'the connection is gone')
  })
})

describe('a refusal', () => {
  const { smtp, imap, pop3, ftp, mysql } = scripts
  const last = (script: Script, answer: Bytes): Script => ({
    ...script,
    turns: [...script.turns.slice(0, -1), [script.turns.at(-1)![0], answer]],
  })
  const greeting = (words: Bytes): Script => ({ greeting: words, turns: [] })
  const mysqlError = Buffer.concat([
    Buffer.from([16, 0, 0, 0, 0xff, 0x69, 0x04]),
    Buffer.from('Host blocked!'),
  ])

  test.each<[Protocol, string, Script, string, string]>([
    [
      'smtp',
      'turns away',
      greeting('554 no SMTP here\r\n'),
      'greeting_refused',
      'the server greets with "554 no SMTP here"',
    ],
    [
      'smtp',
      'offers none',
      { ...smtp, turns: [[smtp.turns[0]![0], '250-mail\r\n250-XSTARTTLS\r\n250 HELP\r\n']] },
      'starttls_refused',
      'the server offers no STARTTLS',
    ],
    [
      'smtp',
      'refuses EHLO',
      { ...smtp, turns: [[smtp.turns[0]![0], '502 no\r\n']] },
      'starttls_refused',
      'the server answers EHLO with "502 no"',
    ],
    [
      'smtp',
      'refuses',
      last(smtp, '454 4.7.0 TLS not available\r\n'),
      'starttls_refused',
      'the server answers STARTTLS with "454 4.7.0 TLS not available"',
    ],
    [
      'smtp',
      'is long',
      greeting(`554 ${'x'.repeat(100)}\r\n`),
      'greeting_refused',
      `the server greets with "554 ${'x'.repeat(75)}…"`,
    ],
    [
      'imap',
      'turns away',
      greeting('* BYE full\r\n'),
      'greeting_refused',
      'the server greets with "* BYE full"',
    ],
    [
      'imap',
      'refuses',
      last(imap, 'a NO \u001b[2J\r\n'),
      'starttls_refused',
      'the server answers STARTTLS with "a NO \\u001b[2J"',
    ],
    [
      'imap',
      'does not know it',
      last(imap, 'a BAD Unknown command\r\n'),
      'starttls_refused',
      'the server answers STARTTLS with "a BAD Unknown command"',
    ],
    [
      'pop3',
      'turns away',
      greeting('-ERR busy\r\n'),
      'greeting_refused',
      'the server greets with "-ERR busy"',
    ],
    [
      'pop3',
      'refuses',
      last(pop3, '-ERR no TLS\r\n'),
      'starttls_refused',
      'the server answers STLS with "-ERR no TLS"',
    ],
    [
      'ftp',
      'turns away',
      greeting('421 too many users\r\n'),
      'greeting_refused',
      'the server greets with "421 too many users"',
    ],
    [
      'ftp',
      'refuses',
      last(ftp, '530 Please login\r\n'),
      'starttls_refused',
      'the server answers AUTH TLS with "530 Please login"',
    ],
    [
      'ldap',
      'refuses',
      { turns: [[ldapRequest, ldapResult(2, 'unsupported extended operation')]] },
      'starttls_refused',
      'the server answers StartTLS with result 2: "unsupported extended operation"',
    ],
    [
      'ldap',
      'refuses without a word',
      { turns: [[ldapRequest, ldapResult(52)]] },
      'starttls_refused',
      'the server answers StartTLS with result 52',
    ],
    [
      'mysql',
      'turns away',
      greeting(mysqlError),
      'greeting_refused',
      'the server greets with "error 1129: Host blocked!"',
    ],
    [
      'mysql',
      'offers none',
      { ...mysql, greeting: mysqlGreeting(0xf7fe) },
      'starttls_refused',
      'the server offers no TLS',
    ],
  ])('%s: %s', async (protocol, _what, script, detail, message) => {
    const reason = detail === 'greeting_refused' ? 'unhealthy' : 'tls_error'
    const result = await check(tls, at(await server(play(script)), protocol))
    expect(result).toMatchObject({ ok: false, reason, detail, message })
    expect(tls.failures?.[detail]?.[0]).toBe(reason)
  })
})

describe('the end of a session', () => {
  const hear = async (protocol: Protocol, answers: readonly Bytes[] = [], more: Options = {}) => {
    const said: Buffer[] = []
    const port = await server(play(scripts[protocol], upgraded(said, answers)))
    const result = await check(tls, at(port, protocol, more))
    await until(() => servers.at(-1)!.open.size === 0, 'the connection is gone')
    return { result, said: Buffer.concat(said).toString('latin1') }
  }
  const login = 'pulsecheck\0\0mysql_native_password\0'

  test.each<[Protocol, string]>([
    ['smtp', 'QUIT\r\n'],
    ['imap', 'b LOGOUT\r\n'],
    ['pop3', 'QUIT\r\n'],
    ['ftp', 'QUIT\r\n'],
    ['ldap', '\x30\x05\x02\x01\x02\x42\0'],
    ['postgres', ''],
  ])('%s: %j', async (protocol, words) => {
    expect(await hear(protocol)).toMatchObject({ result: { ok: true }, said: words })
  })

  test('it is the same for a certificate that is refused', async () => {
    expect(await hear('smtp', [], { tls: {} })).toMatchObject({
      result: { ok: false, detail: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
      said: 'QUIT\r\n',
    })
  })

  test.each<[string, readonly Bytes[], string]>([
    ['refused', [packet(3, '\xff\x15\x04Access denied')], 'password\0'],
    [
      'asked for in another way',
      [packet(3, '\xfesha2\0salt'), packet(5, '\xff\x15\x04no')],
      'password\0\0\0\0\x04',
    ],
    ['accepted', [packet(3, '\0\0\0\x02\0\0\0')], 'password\0\x01\0\0\0\x01'],
    ['answered with nonsense', ['?'.repeat(100)], 'password\0'],
  ])('mysql: a login without password, %s', async (_what, answers, end) => {
    const { result, said } = await hear('mysql', answers)
    expect(result).toMatchObject({ ok: true })
    expect(said).toContain(login)
    expect(said.endsWith(end)).toBe(true)
    expect(said.slice(3, 4)).toBe('\x02')
  })
})

describe('a real PostgreSQL', () => {
  let secure: PostgresServer
  let plain: PostgresServer
  beforeAll(async () => {
    secure = await startPostgres({ tls: good })
    plain = await startPostgres()
  })
  afterAll(async () => {
    await secure.stop()
    await plain.stop()
  })

  test('with TLS is ok', async () => {
    expect(await check(tls, at(secure.port, 'postgres'))).toMatchObject({
      ok: true,
      measurements: { certificates: 1, protocol_version: 1.3 },
    })
  })

  test('without TLS is starttls_refused', async () => {
    expect(await check(tls, at(plain.port, 'postgres'))).toMatchObject({
      ok: false,
      reason: 'tls_error',
      detail: 'starttls_refused',
      message: 'TLS is off on the server',
    })
  })
})

const hint = 'if TLS begins at once on this port, remove startTls'

describe.each(protocols)('startTls: %s on a port where TLS begins at once', protocol => {
  const { greeting } = scripts[protocol]

  test.runIf(greeting !== undefined)('is a timeout with a hint: both sides wait', async () => {
    const port = await server(upgraded())
    expect(await check(tls, at(port, protocol), 300)).toMatchObject({
      reason: 'timeout',
      message: `no answer in clear text within 300ms; ${hint}`,
    })
  })

  test('has a hint if the server answers with an alert', async () => {
    const alert = Buffer.from([0x15, 3, 1, 0, 2, 2, 70])
    const port = await server(socket => {
      if (greeting === undefined) socket.once('data', () => socket.write(alert))
      else socket.write(alert)
    })
    expect(await check(tls, at(port, protocol))).toMatchObject({
      reason: 'protocol_error',
      message: 'the server speaks TLS from the start; remove startTls',
    })
  })
})

test('a server that greets and then says nothing is a timeout without the hint', async () => {
  const port = await server(socket => socket.write('220 mail.example ESMTP\r\n'))
  const result = await check(tls, at(port, 'smtp'), 300)
  expect(result).toMatchObject({ reason: 'timeout' })
  expect(result).not.toMatchObject({ message: expect.stringContaining('startTls') })
})

describe('TLS on a port that begins in clear text', () => {
  const code = 'ERR_SSL_WRONG_VERSION_NUMBER'

  test.each([
    ['SMTP', '220 mail.example ESMTP Postfix\r\n'],
    ['FTP', '220 (vsFTPd 3.0.3)\r\n'],
    ['IMAP', '* OK Dovecot ready.\r\n'],
    ['POP3', '+OK Dovecot ready.\r\n'],
    ['MYSQL', mysqlGreeting(0xf7fe)],
  ])('names %s', async (name, greeting) => {
    const port = await server(socket => socket.write(greeting))
    expect(await check(tls, { host: '127.0.0.1', port, tls: { ca: authority.caPem } })).toMatchObject({
      reason: 'tls_error',
      detail: code,
      message: `the server speaks plain ${name}; set startTls: ${name.toLowerCase()}`,
      phases: { connect: expect.any(Number), tls: expect.any(Number) },
    })
  })

  test('does not name what it does not recognize, and lets go of both connections', async () => {
    let open = 0
    const port = await server(socket => {
      open++
      socket.on('close', () => open--).write('SSH-2.0-OpenSSH_9.2\r\n')
    })
    const result = await check(tls, { host: '127.0.0.1', port, tls: { ca: authority.caPem } })
    expect(result).toMatchObject({ reason: 'tls_error', detail: code })
    expect(result).not.toMatchObject({ message: expect.stringContaining('startTls') })
    await until(() => open === 0, 'both connections are closed')
  })
})
