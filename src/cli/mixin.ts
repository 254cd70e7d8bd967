/** `pulsecheck rules`, `alertmanager` and `dashboard`: configuration for Prometheus, Alertmanager and Grafana. */
import { alertmanagerFile } from '../mixin/alertmanager.ts'
import { type DashboardName, dashboardFile } from '../mixin/dashboard.ts'
import { ruleFile } from '../mixin/rules.ts'
import type { Dependency } from '../model/dependency.ts'
import { loadKinds, readConfig } from './config.ts'
import { print } from './ending.ts'
import type { GlobalFlags } from './flags.ts'

interface RulesFlags {
  readonly job: readonly string[]
  /** Milliseconds. */
  readonly scrapeInterval: number
  readonly runbookUrl: string
}

/** Prints a rule file for Prometheus: for the named config, or one that suits any. @throws Exit 3 if the config is wrong. */
export async function printRules(rules: RulesFlags, flags: GlobalFlags): Promise<void> {
  const { job, scrapeInterval, runbookUrl } = rules
  const dependencies = await namedDependencies(flags)
  const kinds = await loadKinds(flags)
  const options = { kinds, dependencies, jobs: job, scrapeIntervalMs: scrapeInterval, runbookUrl }
  await print(process.stdout, ruleFile(options))
}

/** Prints a configuration for Alertmanager. @throws Exit 3 if the config is wrong. */
export async function printAlertmanager(flags: GlobalFlags): Promise<void> {
  await print(process.stdout, alertmanagerFile(await namedDependencies(flags)))
}

/** Prints a dashboard for Grafana. @throws Exit 3 if the config is wrong. */
export async function printDashboard(name: DashboardName, flags: GlobalFlags): Promise<void> {
  const dependencies = await namedDependencies(flags)
  await print(process.stdout, await dashboardFile(name, await loadKinds(flags), dependencies))
}

/** Returns undefined if no config is named: the output then suits any config, wherever the command runs. */
async function namedDependencies(flags: GlobalFlags): Promise<readonly Dependency[] | undefined> {
  if (flags['config.file'] === undefined) return undefined
  return (await readConfig(flags)).dependencies.map(({ dependency }) => dependency)
}
