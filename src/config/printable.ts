/** The running configuration for people: secrets hidden by their type, durations as they are written. */
import type { Dependency } from '../model/dependency.ts'
import { Secret } from '../model/secret.ts'
import { formatDuration, type Settings } from '../model/settings.ts'
import type { ListenAddress, ServerSettings } from './server.ts'

const durations: ReadonlySet<string> = new Set(['interval', 'timeout', 'confirmInterval', 'staleAfter'])

/** A dependency's keys after parsing: defaults filled in, what follows from other keys too. */
export function printDependency(dependency: Dependency, parsed: Settings & Record<string, unknown>): unknown {
  const { confirmIntervalMs: confirmInterval, staleAfterMs: staleAfter } = dependency
  const shown = Object.entries({ ...parsed, confirmInterval, staleAfter }).map(([key, value]) => [
    key,
    durations.has(key) && typeof value === 'number' ? formatDuration(value) : printable(value),
  ])
  return { kind: dependency.kind, target: dependency.target, ...Object.fromEntries(shown) }
}

/** The keys of `server:` as they are written. */
export function printServer(server: ServerSettings): unknown {
  const { listen, probes, shutdownDelay, ...rest } = server
  const addresses = listen.map(printAddress)
  const probesAlone =
    probes.listen.length === 0 ? {} : { probes: { listen: probes.listen.map(printAddress) } }
  const delay = shutdownDelay === undefined ? {} : { shutdownDelay: formatDuration(shutdownDelay) }
  return { listen: addresses, ...probesAlone, ...(printable(rest) as object), ...delay }
}

function printAddress({ host = '', port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** A value as JSON can hold it, with every secret as `<secret>`. A kind's own objects show as their text. */
export function printable(value: unknown): unknown {
  if (value instanceof Secret) return value.toString()
  if (Array.isArray(value)) return value.map(printable)
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return String(value)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, printable(inner)]))
}
