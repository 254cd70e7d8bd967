/** The dashboards as data, and their queries with variables filled in. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { read, root } from '../docs/documents.ts'

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly editable: boolean
  readonly tags: readonly string[]
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] }
}

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly datasource?: { readonly uid: string }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[]
}

export interface Variable {
  readonly name: string
  readonly type: string
  readonly label?: string
  readonly query: string
  readonly multi?: boolean
  readonly allValue?: string
  readonly refresh?: number
  readonly datasource?: { readonly uid: string }
}

export const folder = join(root, 'grafana/dashboards')

export function readDashboards(): ReadonlyMap<string, Dashboard> {
  const files = readdirSync(folder).filter(name => name.endsWith('.json'))
  return new Map(files.map(name => [name, JSON.parse(read(`grafana/dashboards/${name}`)) as Dashboard]))
}

/** Panels without rows. */
export function panelsOf({ panels }: Dashboard): readonly Panel[] {
  return panels.filter(({ type }) => type !== 'row')
}

/** A query as Grafana sends it where everything is chosen. */
export function filled(expr: string, values: Readonly<Record<string, string>> = {}): string {
  const all: Readonly<Record<string, string>> = {
    __rate_interval: '10s',
    __range: '10m',
    job: '.+',
    instance: '.+',
    kind: '.+',
    dependency: '.+',
    ...values,
  }
  return expr.replaceAll(/\$(\w+)/g, (whole, name) => all[name] ?? whole)
}
