/** A configuration for Alertmanager to start from: routes by team, and inhibition of what follows from something else. */
import { stringify } from 'yaml'
import type { Dependency } from '../model/dependency.ts'

/** The text of a valid `alertmanager.yml`, whose receivers do not notify anybody yet. */
export function alertmanagerFile(dependencies: readonly Dependency[] = []): string {
  const teams = [...new Set(dependencies.flatMap(({ labels }) => labels.team ?? []))].sort()
  const config = {
    route: {
      receiver: 'default',
      // One notification for a dependency, whatever is wrong with it; one for an instance of Pulsecheck.
      group_by: ['cluster', 'namespace', 'job', 'dependency', 'severity'],
      group_wait: '10s',
      group_interval: '1m',
      repeat_interval: '12h',
      ...(teams.length > 0 && { routes: teams.map(teamRoute) }),
    },
    receivers: ['default', ...teams.map(receiverOf)].map(name => ({ name })),
    inhibit_rules: inhibitions,
  }
  return `${head}${teams.length === 0 ? exampleRoute : ''}${stringify(config, { lineWidth: 0, aliasDuplicateObjects: false })}`
}

function teamRoute(team: string): object {
  const receiver = receiverOf(team)
  return {
    matchers: [`team=${JSON.stringify(team)}`],
    receiver,
    // What wakes somebody is repeated until it is over.
    routes: [{ matchers: ['severity="critical"'], receiver, repeat_interval: '1h' }],
  }
}

function receiverOf(team: string): string {
  return `team-${team}`
}

/** Labels that must agree between what is silenced and what silences it. */
const sameJob = ['cluster', 'namespace', 'job']
const sameDependency = [...sameJob, 'dependency']

const inhibitions = [
  {
    // A dependency that is down is also slow, flaps and burns its budget: any alert on it follows from that.
    source_matchers: ['alertname=~"DependencyDown|DependencyDegraded"'],
    target_matchers: ['alertname!~"DependencyDown|DependencyDegraded"', 'dependency=~".+"'],
    equal: sameDependency,
  },
  {
    source_matchers: ['alertname="DependencyErrorBudgetBurn"', 'severity="critical"'],
    target_matchers: ['alertname=~"DependencyErrorBudgetBurn|DependencyFlapping"', 'severity="warning"'],
    equal: sameDependency,
  },
  {
    // Nothing is known any more of what these instances checked.
    source_matchers: ['alertname="PulsecheckAbsent"'],
    target_matchers: ['alertname=~"PulsecheckDown|Dependency.+"'],
    equal: ['job'],
  },
  {
    // What an instance does not check in time, it cannot judge.
    source_matchers: ['alertname=~"PulsecheckSkipping|PulsecheckLagging"'],
    target_matchers: ['alertname=~"DependencyCheckStale|DependencySlow"'],
    equal: sameJob,
  },
]

const head = `# A configuration for Alertmanager to start from, written by "pulsecheck alertmanager".
# Add a notification method to each receiver: slack_configs, pagerduty_configs, email_configs or webhook_configs.
`

const exampleRoute = `# With --config.file, there is a route for every label "team" of your configuration:
#   routes:
#     - matchers: [team="orders"]
#       receiver: team-orders
`
