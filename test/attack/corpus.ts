/** Requests that are valid, or nearly, as seeds of a fuzz; and bytes that parsers are known to stumble over. */

const paths = [
  '/healthz',
  '/livez',
  '/readyz',
  '/readyz?verbose',
  '/readyz?exclude=tcp-1&exclude=http-2',
  '/readyz/tcp-1',
  '/readyz/%00%ff',
  '/startupz',
  '/-/healthy',
  '/-/ready',
  '/-/reload',
  '/-/page/page.js',
  '/-/page/..%2f..%2fetc%2fpasswd',
  '/config',
  '/nothing/here?a=b#c',
  '//healthz',
  '/%2e%2e/%c0%ae',
  'http://localhost/healthz',
  '*',
] as const

/** They cost work, so a fuzz asks for them less often. */
const large = ['/', '/?status=down&q=tcp&open=tcp-1', '/metrics', '/health'] as const

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'] as const

const headers = [
  'Accept: text/plain',
  'Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5',
  'Accept: */*;q=9,;;;,text/plain;q=',
  'Accept-Encoding: gzip',
  'Authorization: Basic YTpi',
  'Authorization: Basic ====',
  'Connection: close',
  'Connection: keep-alive, Upgrade',
  'Content-Type: application/json',
  'Cookie: a=b; c=d',
  'Expect: 100-continue',
  'Expect: nonsense',
  'If-None-Match: *',
  'Last-Event-ID: 00000000.999999999999999',
  'Range: bytes=0-18446744073709551615',
  'Sec-Fetch-Site: cross-site',
  'Upgrade: websocket',
  'X-Forwarded-For: 1.2.3.4',
] as const

const bodies = [
  'Content-Length: 5\r\n\r\nhello',
  'Content-Length: 999999\r\n\r\nshort',
  'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n',
  'Transfer-Encoding: chunked\r\n\r\n1;ext="a\\"b"\r\nx\r\n0\r\nTrailer: x\r\n\r\n',
  'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n',
  'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
] as const

export const corpus = { paths, large, methods, headers, bodies } as const

/** Whole messages that are no HTTP/1 request of ours. */
export const foreign: readonly Buffer[] = [
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1'),
  Buffer.from('GET /healthz\r\n'),
  Buffer.from('GET /healthz HTTP/0.9\r\n\r\n'),
  Buffer.from('GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n'),
  Buffer.from('CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n'),
  Buffer.from('GET / HTTP/1.1\nHost: localhost\n\n'),
  Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'),
  Buffer.from('GET / HTTP/1.1\r\nHost : localhost\r\n\r\n'),
  Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n'),
  Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
  Buffer.from('*1\r\n$4\r\nPING\r\n'),
  // A TLS 1.2 ClientHello without extensions, and a record that claims to be longer than it is.
  Buffer.from(`160301002d010000290303${'ab'.repeat(32)}000002c02f0100`, 'hex'),
  Buffer.from('16030140000100fffc0303', 'hex'),
]

/** Pieces that a mutation puts somewhere. */
export const fragments: readonly Buffer[] = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  '%',
  '%00',
  '%ff%fe',
  '../',
  '?',
  '&&==',
  'Host: x\r\n',
  'Content-Length: -1\r\n',
  'Content-Length: 1, 1\r\n',
  'Transfer-Encoding: \x0bchunked\r\n',
  'Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n',
  '__proto__[x]=1',
  '\u{1f600}',
  'a'.repeat(9_000),
  'X: y\r\n'.repeat(100),
  '9'.repeat(40),
].map(text => Buffer.from(text, 'latin1'))
