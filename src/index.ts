/** The door for applications that embed Pulsecheck. */

export { dns } from './kinds/dns/dns.ts'
export { grpc } from './kinds/grpc/grpc.ts'
export { http } from './kinds/http/http.ts'
export { kinds } from './kinds/index.ts'
export { postgres } from './kinds/postgres/postgres.ts'
export { redis } from './kinds/redis/redis.ts'
export { tcp } from './kinds/tcp.ts'
export { tls } from './kinds/tls/tls.ts'
export { type DependencyDefinition, parseDependency } from './model/definition.ts'
export {
  type Address,
  type CheckContext,
  CheckError,
  type Checker,
  type CheckFailure,
  type CheckResult,
  type CheckSuccess,
  type Dependency,
  type Measurements,
  type Phase,
  type Phases,
  phases,
  type Reason,
  reasons,
  type SkipCause,
  type Status,
  skipCauses,
} from './model/dependency.ts'
export {
  type DependencyOptions,
  defineKind,
  type Failure,
  type Failures,
  type Kind,
  type KindFactory,
  type MeasurementHelp,
} from './model/kind.ts'
export { Secret, SecretUrl } from './model/secret.ts'
export {
  createMonitor,
  type Family,
  type Monitor,
  type MonitorOptions,
  type Resolve,
} from './monitor.ts'
export { type AccessRules, type ReloadOutcome, type RoutesOptions, routes } from './server/index.ts'
