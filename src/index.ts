/** The door for applications that embed Pulsecheck. */

export * from './kinds/index.ts'
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
