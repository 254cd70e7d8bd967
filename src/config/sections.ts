/** The schema of a config file, without the content of `dependencies`. */
import { z } from 'zod'
import { isTaken } from '../model/http.ts'
import { formatAddress, type ListenAddress, parseListenAddress, parseNetwork } from '../model/notation.ts'
import { defaultBuckets, duration, settings } from '../model/settings.ts'

const listenAddress = z.codec(z.string(), z.custom<ListenAddress>(), {
  decode(input, { issues }) {
    const address = parseListenAddress(input)
    if (address !== undefined) return address
    const message = 'expected host:port, such as ":9797", "127.0.0.1:9797" or "[::1]:9797"'
    issues.push({ code: 'custom', message, input })
    return z.NEVER
  },
  encode: ({ host = '', port }) => formatAddress(host, port),
})

const network = z.string().refine(text => parseNetwork(text) !== undefined, {
  error: 'expected an IP address or a network, such as 10.0.0.0/8',
})

const hostName = z
  .string()
  .max(253)
  .regex(/^[a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)*$/, {
    error: 'expected a host name without port, such as status.example.com',
  })

const metricsPath = z
  .string()
  .max(200)
  .regex(/^\/$|^(?:\/(?!\.{1,2}(?:\/|$))[a-zA-Z0-9._~-]+)+$/, {
    error:
      'expected a path such as /metrics: letters, digits, ".", "_", "~" and "-" between slashes, and no segment that is empty, "." or ".."',
  })
  .refine(path => !isTaken(path), {
    error: 'this path is already used by another route',
  })

/** What is wrong with a path for the metrics, if anything. */
export function metricsPathProblem(path: string): string | undefined {
  return metricsPath.safeParse(path).error?.issues[0]?.message
}

/**
 * As many dependencies as one configuration may have, each with up to a hundred series. With the default buckets, one
 * has some sixty.
 */
const defaultMaxSeries = 1_000_000

export const serverSchema = z.strictObject({
  listen: z
    .array(listenAddress)
    .min(1)
    .default(() => [{ port: 9797 }])
    .describe('Addresses to listen on, as host:port. Default ":9797": all addresses.'),
  probes: z
    .strictObject({
      listen: z
        .array(listenAddress)
        .default(() => [])
        .describe('Additional addresses that answer only probes, over plain HTTP. Default: none.'),
    })
    .default(() => ({ listen: [] }))
    .describe('Separate addresses for probes.'),
  details: z
    .enum(['always', 'authorized', 'never'])
    .default('authorized')
    .describe(
      'Who can see targets, reasons and messages. Default authorized: clients in allow that are logged in, as far as allow and users are configured; if neither is, clients on this machine.',
    ),
  allow: z
    .array(network)
    .optional()
    .describe(
      'Addresses and networks that can see metrics and details. Default: all for metrics, this machine for details.',
    ),
  hosts: z
    .array(hostName)
    .optional()
    .describe(
      'Host names under which details are shown over plain HTTP without a login, in addition to IP addresses, localhost and the host name of the machine.',
    ),
  metricsPath: metricsPath.default('/metrics').describe('Path of the metrics. Default /metrics.'),
  shutdownDelay: duration('0s', '1h')
    .optional()
    .describe(
      'Time between the first 503 from readiness and the closing of the listeners. Default: 5s under Kubernetes, else 0s.',
    ),
  maxSeries: z
    .int()
    .min(1)
    .max(100_000_000)
    .default(defaultMaxSeries)
    .describe(
      'Maximum number of series in a scrape. Default 1000000: 10,000 dependencies of any kind with the default buckets.',
    ),
})

export type ServerSettings = Readonly<z.output<typeof serverSchema>>

const buckets = z
  .array(z.number().positive().max(86_400))
  .max(50)
  .refine(bounds => bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] ?? 0)), {
    error: 'must be strictly ascending',
  })

export const histogramSchema = z.strictObject({
  buckets: buckets
    .default(() => [...defaultBuckets])
    .describe(
      'Upper bounds of the classic buckets in seconds, ascending; [] for none. Default: 13 bounds from 0.001 to 10.',
    ),
  native: z
    .boolean()
    .default(true)
    .describe('Expose a native histogram to scrapers that ask for one. Default true.'),
})

export type HistogramSettings = Readonly<z.output<typeof histogramSchema>>

const maxConcurrentChecks = z
  .int()
  .min(1)
  .max(100_000)
  .default(1_000)
  .describe('Maximum number of checks in flight. Default 1000.')

/** The whole file. The keys of a dependency depend on its kind, so they are validated apart. */
export const sections = z.strictObject({
  defaults: settings.optional().describe('Default values for the keys of every dependency.'),
  dependencies: z
    .record(z.string(), z.unknown())
    .describe('The dependencies to check, by name: a URL, or a map of keys.'),
  maxConcurrentChecks,
  histogram: histogramSchema.prefault({}).describe('Buckets of the duration histogram.'),
  server: serverSchema.prefault({}).describe('Where Pulsecheck listens, and who can see what.'),
})
