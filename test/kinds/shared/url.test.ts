import { expect, test } from 'vitest'
import { urlProblem } from '../../../src/kinds/shared/options.ts'

const escapes = 'in a user or password, write "/", "?", "#" and "@" as %2F, %3F, %23 and %40'
const stray = `the URL has an "@" after its host; ${escapes}`
const noPort = `the text after the host and ":" is not a port; ${escapes}`
const outOfRange = 'the port is out of range; it must be between 1 and 65535'
const noHost = 'the host in the URL is neither a host name nor an IP address'
const scheme = 'expected a URL that starts with http:// or postgres://'

test.each([
  ['http://host', undefined],
  ['HTTP://host:80/', undefined],
  [' http://user:p%3Fw@[::1]:8080/a?b=c#d\n', undefined],
  ['http://host:/path', undefined],
  ['http://registry:4873/@scope/name?mail=a@b', undefined],
  ['postgres://user:p@w:x@host/db?sslmode=require', undefined],
  ['http://[::1]', undefined],
  ['http:host', scheme],
  ['http:/host', scheme],
  ['redis://host', scheme],
  ['hunter22', scheme],
  ['http://host:99999', outOfRange],
  ['http://host:0', outOfRange],
  ['postgres://u:hunter22@[::1]:65536/db', outOfRange],
  ['postgres://u:12?hunter22@host/db', stray],
  ['postgres://u:12#hunter22@host/db', stray],
  ['postgres://u:12/hunter22@host/db', stray],
  ['postgres://u:hunter@22?x@host/db', stray],
  ['http://u:12?hunter22@host/', stray],
  ['http://u:12\\hunter22@host/', stray],
  ['http://u:hunter22/x', noPort],
  ['http://u:hunter/22@host', noPort],
  ['http://u:p@host:hunter22', noPort],
  ['http://exa mple', noHost],
  ['http://[::1', noHost],
  ['http:// ', 'the URL needs a host name or an IP address'],
  ['http://', 'the URL needs a host name or an IP address'],
  ['postgres:///db', 'the URL needs a host name or an IP address'],
])('%j: %s', (text, problem) => {
  expect(urlProblem(text, ['http', 'postgres'])).toBe(problem)
  expect(problem ?? '').not.toContain('hunter')
})
