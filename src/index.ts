/** The door for applications that embed Pulsecheck. */

export * from './kinds/index.ts'
export type { PostgresPool, PostgresPoolClient, RedisClient } from './kinds/shared/borrowed.ts'
export {
  type Address,
  type CheckContext,
  CheckError,
  type Checker,
  type CheckFailure,
  type CheckOutcome,
  type CheckResult,
  type CheckSkipped,
  type CheckSuccess,
  type Clock,
  type Dependency,
  type DependencyDefinition,
  type MeasurementHelp,
  type Measurements,
  type Phase,
  type Phases,
  phases,
  type SkipCause,
  type Status,
  skipCauses,
} from './model/dependency.ts'
export { type Advice, type Failure, type Failures, type Reason, reasons } from './model/failure.ts'
export type { Identity } from './model/identity.ts'
export {
  type Borrowing,
  type BorrowingFactory,
  type DependencyOptions,
  defineKind,
  type Kind,
  type KindDeclaration,
  type KindFactory,
  type OptionsIssue,
  type OptionsReading,
  type OptionsSchema,
  type SettingsInput,
} from './model/kind.ts'
export type { Logger } from './model/logger.ts'
export { Secret, SecretUrl } from './model/secret.ts'
export { check, type OwnCheckContext, type OwnCheckOptions } from './monitor/check.ts'
export type { ChangeEvent, Listener, MonitorEvents, On, ResultEvent } from './monitor/events.ts'
export type * from './monitor/interface.ts'
export type { MetricsRegistry } from './monitor/registry.ts'
export { type Shutdown, type ShutdownOptions, shutdownOnSignal } from './monitor/shutdown.ts'
export { NotReadyError, type NotReadyErrorOptions, type WaitOptions } from './monitor/waiting.ts'
export { createMonitor } from './monitor.ts'
export type * from './server/options.ts'
