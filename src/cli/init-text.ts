/** The text of a first config. Pure. */

/** A variable that names a dependency, and what became of it. */
export interface Found {
  readonly name: string
  readonly variable: string
  readonly kind?: string | undefined
  /** Why it cannot be used, in one line that names the variable and holds no value. */
  readonly problem?: string
}

/** A valid config that refers to the variables. Those that cannot be used are comments; without any, an example stands. */
export function configText(found: readonly Found[]): string {
  const usable = found.filter(({ problem }) => problem === undefined)
  const lines = usable.length === 0 ? example : usable.map(line)
  const refused = found.filter(({ problem }) => problem !== undefined).map(refusal)
  return `${head}${[...lines, ...refused, ''].join('\n')}${tail}`
}

const head = `# Pulsecheck: what this service depends on. Each is checked on its own schedule; the results are served as
# metrics, probes and a status page. Look it over with "pulsecheck validate", try it with "pulsecheck check".
# Completion in editors: run "pulsecheck schema > pulsecheck.schema.json" and take one # off the next line.
## yaml-language-server: $schema=./pulsecheck.schema.json

# For every dependency below that does not say otherwise.
defaults:
  interval: 15s          # from one check to the next
  timeout: 3s            # deadline of one check
  failureThreshold: 2    # failures in a row that make it down
  successThreshold: 1    # successes in a row that make it up again

# A name, and a URL whose scheme names the kind. \${VAR} is read from the environment when the program starts; a
# variable that is missing is an error, \${VAR:-default} has a default. More options than a URL has room for:
#
#   cache:
#     kind: redis
#     url: redis://cache:6379
#     passwordFile: /run/secrets/redis    # every secret has a ...File twin
#     critical: false                     # without it the service is ready, but degraded
dependencies:
`

const tail = `
server:
  listen: [":9797"]      # the page at /, /metrics, /healthz, /readyz, /startupz, /health
`

const example = [
  '  # An example: neither DATABASE_URL, REDIS_URL nor PULSECHECK_DEPENDENCY_<NAME> was set.',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the config's reference, not ours.
  '  database: ${DATABASE_URL:-postgres://app@localhost:5432/app}',
]

function line({ name, variable, kind }: Found): string {
  return `  ${key(name)}: \${${variable}}    # ${kind}`
}

function refusal({ problem }: Found): string {
  return `  # Left out: ${problem}`
}

/** In quotes where YAML would read a number, a boolean or nothing. */
function key(name: string): string {
  return /^[a-z][a-z0-9_.-]*$/.test(name) && !['true', 'false', 'null'].includes(name)
    ? name
    : JSON.stringify(name)
}
