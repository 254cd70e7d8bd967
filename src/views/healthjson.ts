/**
 * The status report as `application/health+json`: draft-inadarei-api-health-check-06, which gateways and monitors of
 * HTTP APIs read. Pure.
 */
import type { DependencyReport, StatusParts } from './status.ts'

export const healthJsonType = 'application/health+json'

interface HealthJson {
  readonly status: HealthStatus
  readonly description: string
  /** By `<dependency>:responseTime`, the draft's component and measurement. */
  readonly checks: Iterable<readonly [name: string, check: readonly [HealthCheck]]>
}

type HealthStatus = 'pass' | 'warn' | 'fail'

interface HealthCheck {
  readonly componentId: string
  readonly componentType: 'component'
  readonly status: HealthStatus
  /** Seconds; absent before the first check. */
  readonly observedValue?: number | undefined
  readonly observedUnit?: 's' | undefined
  /** When the value was observed, ISO 8601. */
  readonly time?: string | undefined
  /** Why the check does not pass; absent if it does, as the draft asks. */
  readonly output?: string | undefined
}

const statuses = { ok: 'pass', degraded: 'warn', unavailable: 'fail' } as const

/** A dependency that is not up fails if it is critical and warns if it is not, so the whole is the worst of its checks. */
export function healthJson({ status, dependencies }: StatusParts): HealthJson {
  function* checks(): Generator<readonly [string, [HealthCheck]]> {
    for (const [name, dependency] of dependencies)
      yield [`${name}:responseTime`, [healthCheck(name, dependency)]]
  }
  return { status: statuses[status], description: 'health of dependencies', checks: checks() }
}

/** The status code of the HTTP response. For `fail`, the draft requires 4xx or 5xx (section 3.1). */
export function healthJsonStatusCode({ status }: HealthJson): 200 | 503 {
  return status === 'fail' ? 503 : 200
}

function healthCheck(name: string, dependency: DependencyReport): HealthCheck {
  const { status, critical, lastCheck } = dependency
  const passes = status === 'up'
  return {
    componentId: name,
    componentType: 'component',
    status: passes ? 'pass' : critical ? 'fail' : 'warn',
    observedValue: lastCheck?.durationSeconds,
    observedUnit: lastCheck === null ? undefined : 's',
    time: lastCheck?.at,
    output: passes ? undefined : explain(dependency),
  }
}

function explain({ lastCheck, lastFailure, stale }: DependencyReport): string {
  if (lastCheck === null) return 'not checked yet'
  if (stale) return `no result since ${lastCheck.at}`
  return lastFailure === null
    ? 'down'
    : `${lastFailure.reason} (${lastFailure.detail}): ${lastFailure.message}`
}
