/** The door for applications that embed Pulsecheck. */
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
  type Resolve,
  reasons,
  type SkipCause,
  type Status,
  skipCauses,
} from './dependency.ts'
export {
  type DependencyOptions,
  defineKind,
  type Failure,
  type Failures,
  type Kind,
  type KindFactory,
  type MeasurementHelp,
} from './kind.ts'
export { http } from './kinds/http.ts'
export { kinds } from './kinds/index.ts'
export { postgres } from './kinds/postgres.ts'
export { redis } from './kinds/redis.ts'
export { tcp } from './kinds/tcp.ts'
export {
  createMonitor,
  type ExtraMetrics,
  type Monitor,
  type MonitorOptions,
} from './monitor.ts'
export { Secret, SecretUrl } from './secret.ts'
export { parseDependency } from './settings.ts'
