/** What is wrong with a URL in a config, in words that repeat nothing of it: any part of it may be secret. */

const escapes = 'in a user or password, write "/", "?", "#" and "@" as %2F, %3F, %23 and %40'

const noHost = 'what the URL has for a host is neither a host name nor an IP address'

/**
 * The first problem of a text that should be a URL of one of the schemes (without colon), or undefined. Stricter than
 * the URL standard in what an unescaped password can look like: the rest of it would pass for a host, a path or a query.
 */
export function urlProblem(text: string, schemes: readonly string[]): string | undefined {
  const [, scheme = '', authority = '', rest = ''] = /^([^:]*):\/\/([^/\\?#]*)(.*)$/s.exec(text.trim()) ?? []
  if (!schemes.includes(scheme.toLowerCase()))
    return `expected a URL that starts with ${schemes.map(scheme => `${scheme}://`).join(' or ')}`
  if (hasStrayUserinfo(scheme, rest)) return `the URL has an "@" after its host; ${escapes}`
  const [, host = '', port = ''] =
    /^(.*?)(?::([^:\]]*))?$/s.exec(authority.slice(authority.lastIndexOf('@') + 1)) ?? []
  if (host.trim() === '') return 'the URL needs a host name or an IP address'
  return portProblem(port) ?? (URL.canParse(text) ? undefined : noHost)
}

/**
 * Whether the "@" that ends userinfo may stand behind what ends the host. A web address may have one in its path, and
 * in a query after a path.
 */
function hasStrayUserinfo(scheme: string, rest: string): boolean {
  return rest.includes('@') && !(/^https?$/i.test(scheme) && rest.startsWith('/'))
}

function portProblem(port: string): string | undefined {
  if (!/^\d*$/.test(port)) return `what stands after the host and ":" is not a port; ${escapes}`
  return port === '' || (Number(port) >= 1 && Number(port) <= 65_535)
    ? undefined
    : 'the port is out of range; it must be between 1 and 65535'
}
