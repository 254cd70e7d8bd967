/** The dashboards for Grafana, which the package contains as `grafana/dashboards/*.json`. */
import { readFile } from 'node:fs/promises'
import type { Dependency } from '../model/dependency.ts'
import type { KindMeasurements } from './rules.ts'

export type DashboardName = 'overview' | 'dependency' | 'pulsecheck'

interface Dashboard {
  readonly panels: readonly Panel[]
}

interface Panel {
  readonly type: string
  readonly gridPos: { readonly y: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

/**
 * The JSON of a dashboard without the panels of kinds that are not there, and without rows that are then empty.
 *
 * @param kinds all that there are.
 * @param dependencies those of the config; undefined for the dashboard with all panels.
 */
export async function dashboardFile(
  name: DashboardName,
  kinds: readonly KindMeasurements[],
  dependencies?: readonly Dependency[],
): Promise<string> {
  const text = await readFile(new URL(`../../grafana/dashboards/${name}.json`, import.meta.url), 'utf8')
  if (dependencies === undefined) return text
  const used = new Set(dependencies.map(({ kind }) => kind))
  const missing = kinds.filter(({ name }) => !used.has(name)).flatMap(familiesOf)
  const whole: Dashboard = JSON.parse(text)
  const kept = whole.panels.filter(panel => !isAbout(missing, panel))
  const panels = stack(withoutEmptyRows(kept))
  return `${JSON.stringify({ ...whole, panels }, null, 2)}\n`
}

function familiesOf({ name, measurements = {} }: KindMeasurements): readonly string[] {
  return Object.keys(measurements).map(measurement => `dependency_${name}_${measurement}`)
}

/** A panel is about some families if each of its queries reads one of them. */
function isAbout(families: readonly string[], { targets = [] }: Panel): boolean {
  return (
    targets.length > 0 && targets.every(({ expr }) => families.some(family => expr.includes(`${family}{`)))
  )
}

function withoutEmptyRows(panels: readonly Panel[]): readonly Panel[] {
  return panels.filter(({ type }, i) => type !== 'row' || (panels[i + 1]?.type ?? 'row') !== 'row')
}

/** Moves each row, with the panels under it, up to the end of the row before. */
function stack(panels: readonly Panel[]): readonly Panel[] {
  let [shift, end] = [0, 0]
  return panels.map(panel => {
    const { y, h } = panel.gridPos
    if (panel.type === 'row') shift = y - end
    end = Math.max(end, y - shift + h)
    return { ...panel, gridPos: { ...panel.gridPos, y: y - shift } }
  })
}
