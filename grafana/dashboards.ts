/** All dashboards, as the JSON that Grafana reads. */
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { kinds } from '../src/kinds/index.ts'
import { dependency } from './dependency.ts'
import { overview } from './overview.ts'
import { pulsecheck } from './pulsecheck.ts'

/** Texts by the names of their files. */
export function dashboards(): Readonly<Record<string, string>> {
  const all = { overview: overview(), dependency: dependency(kinds), pulsecheck: pulsecheck() }
  return Object.fromEntries(Object.entries(all).map(([name, builder]) => [`${name}.json`, print(builder)]))
}

function print(builder: dashboard.DashboardBuilder): string {
  const built = builder.build()
  // Numbered in the order in which they stand, so that links to a panel stay.
  const panels = (built.panels ?? []).map((panel, i) => ({ ...panel, id: i + 1 }))
  return `${JSON.stringify({ ...built, panels }, null, 2)}\n`
}
