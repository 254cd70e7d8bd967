/** Dependencies whose checker a test plays itself. */
import type { Checker, Dependency, DependencyDefinition } from '../../src/model/dependency.ts'
import { identify } from '../../src/model/identity.ts'

/** A dependency with the default settings. */
export function dependency(overrides: Partial<Dependency> = {}): Dependency {
  return {
    name: 'orders-db',
    kind: 'test',
    target: 'db:5432/orders',
    critical: true,
    labels: {},
    intervalMs: 15_000,
    timeoutMs: 3_000,
    confirmIntervalMs: 1_000,
    failureThreshold: 2,
    successThreshold: 1,
    staleAfterMs: 33_000,
    measurementHelp: {},
    ...overrides,
  }
}

/** A dependency with the default settings and a checker of the test's own. Its identity is that of its settings. */
export function definition(
  overrides: Partial<Dependency> = {},
  check: Checker['check'] = async () => {},
  close: Checker['close'] = async () => {},
): DependencyDefinition {
  return {
    dependency: dependency(overrides),
    identity: identify(overrides),
    failures: {},
    redact: text => text,
    open: () => ({ check, close }),
  }
}

/** A checker's answer that the test gives when it likes. */
export function deferred<T = void>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  return Promise.withResolvers<T>()
}
