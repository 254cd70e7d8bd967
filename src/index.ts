/** The door for applications that embed Pulsecheck. */
export {
  CheckError,
  type Checker,
  type CheckerContext,
  type CheckFailure,
  type CheckResult,
  type CheckSuccess,
  type Dependency,
  defineKind,
  type Kind,
  type Measured,
  type Measurements,
  type Phase,
  type Phases,
  type PhaseTrace,
  phases,
  type Reason,
  type Resolve,
  reasons,
  type SkipCause,
  type Status,
  skipCauses,
} from './dependency.ts'
export { http } from './kinds/http.ts'
export { kinds } from './kinds/index.ts'
export { postgres } from './kinds/postgres.ts'
export { redis } from './kinds/redis.ts'
export { tcp } from './kinds/tcp.ts'
export {
  createMonitor,
  type DependencyOptions,
  type ExtraMetrics,
  type Monitor,
  type MonitorOptions,
} from './monitor.ts'
export { Secret, SecretUrl } from './secret.ts'
export { parseDependency } from './settings.ts'
