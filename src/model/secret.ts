/**
 * Secrets by type: a value of these classes prints as `<secret>` wherever it ends up (a log, JSON, an error, a debugger),
 * and only `reveal()` returns it.
 */
import { inspect } from 'node:util'
import { decodePercent } from './notation.ts'

const hidden = '<secret>'

/** A string that never prints. */
export class Secret {
  readonly #value: string

  /** @param value what `reveal` gives back. */
  constructor(value: string) {
    this.#value = value
  }

  /** The value itself. Call it only to pass it to a driver. */
  reveal(): string {
    return this.#value
  }

  /** The strings that must not appear in any output. */
  fragments(): readonly string[] {
    return [this.#value]
  }

  /** Always `<secret>`. */
  toString(): string {
    return hidden
  }

  /** The same as `toString`. */
  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

/** A URL that may carry a password or a token: prints without userinfo's password, and of its query the names alone. */
export class SecretUrl extends Secret {
  readonly #url: URL

  /** @throws TypeError if the text is not an absolute URL; the error does not hold the text. */
  constructor(text: string) {
    super(text)
    const url = URL.parse(text)
    if (url === null) throw new TypeError('not an absolute URL')
    this.#url = url
  }

  /** The parsed URL, secrets included: a fresh copy at each call. */
  url(): URL {
    return new URL(this.#url)
  }

  /** The whole URL, its password, its token, and the values of its query. */
  override fragments(): readonly string[] {
    const { password, username, search } = this.#url
    const userinfo = password === '' ? [] : [password, decode(password), `${username}:${password}`]
    const token = this.#isToken() ? [username, decode(username)] : []
    const query = readQuery(search).flatMap(({ secret }) => [secret, decode(secret.replaceAll('+', ' '))])
    return [this.reveal(), ...userinfo, ...token, ...query]
  }

  /** The URL with `<secret>` in place of its password, its token and the values of its query. */
  override toString(): string {
    const url = this.url()
    const query = readQuery(url.search).map(({ name }) => (name === undefined ? hidden : `${name}=${hidden}`))
    const name = this.#isToken() ? hidden : url.username
    const userinfo = url.password === '' ? name : `${name}:${hidden}`
    url.username = ''
    url.password = ''
    url.search = ''
    url.hash = ''
    const bare = url.href.replace('//', () => (userinfo === '' ? '//' : `//${userinfo}@`))
    return query.length === 0 ? bare : `${bare}?${query.join('&')}`
  }

  /** A web service's user without a password is its API token. A database's is the name of a role. */
  #isToken(): boolean {
    const { protocol, username, password } = this.#url
    return protocol.startsWith('http') && username !== '' && password === ''
  }
}

/** The form of a parameter's name. Anything else may be a token, or a part of one. */
const parameterName = /^[\w.[\]-]{1,64}$/

/**
 * The parts of a query, each a secret with the name in front of it. A part that has no name or no value is secret as a
 * whole: a token may appear alone (`?dG9rZW4`), and in base64 it may end in `=`.
 */
function readQuery(search: string): readonly { readonly name?: string; readonly secret: string }[] {
  const parts = search.slice(1).split('&')
  return parts
    .filter(part => part !== '')
    .map(part => {
      const [, name = '', value = ''] = /^([^=]*)=(=*[^=].*)$/s.exec(part) ?? []
      return parameterName.test(name) ? { name, secret: value } : { secret: part.replace(/=+$/, '') }
    })
}

/**
 * A function that replaces every secret found anywhere inside `value` (raw, URL-encoded, base64 and JSON-escaped) by
 * `<secret>`. Fragments of fewer than four characters are left alone: replacing them would reveal them.
 */
export function redactor(value: unknown): (text: string) => string {
  const needles = [
    ...new Set(
      secretsIn(value)
        .flatMap(secret => secret.fragments())
        .flatMap(spellings),
    ),
  ]
    .filter(needle => needle.length >= 4)
    .sort((a, b) => b.length - a.length)
  return text => needles.reduce((clean, needle) => clean.replaceAll(needle, hidden), text)
}

/** Whether a value is plain data: an object of keys and values, as in JSON and YAML, and not an instance of a class. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** Every secret inside a value: in arrays, plain objects, and those inside of them. Other objects are not looked into. */
export function secretsIn(value: unknown): readonly Secret[] {
  if (value instanceof Secret) return [value]
  return isPlain(value) || Array.isArray(value) ? Object.values(value).flatMap(secretsIn) : []
}

function spellings(raw: string): readonly string[] {
  const base64 = Buffer.from(raw).toString('base64')
  return [
    raw,
    encodeURIComponent(raw.toWellFormed()),
    base64.replace(/=+$/, ''),
    JSON.stringify(raw).slice(1, -1),
  ]
}

function decode(text: string): string {
  return decodePercent(text) ?? text
}
