/** The dashboards against their code, and against what Grafana's dashboard-linter asks for. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { dashboards } from '../../grafana/dashboards.ts'
import { kinds } from '../../src/kinds/index.ts'
import { read, root } from '../docs/documents.ts'
import { printed } from '../mixin/printed.ts'
import { folder, panelsOf, readDashboards } from './dashboards.ts'

const all = [...readDashboards()]

test('the files are what the code gives (else: npm run dashboards)', () => {
  const files = Object.fromEntries(all.map(([name]) => [name, read(`grafana/dashboards/${name}`)]))
  expect(files).toEqual(dashboards())
})

test('every dashboard has its own uid, cannot be edited, and is found by its tag', () => {
  expect(new Set(all.map(([, { uid }]) => uid)).size).toBe(all.length)
  for (const [, { editable, tags }] of all) {
    expect(editable).toBe(false)
    expect(tags).toEqual(['pulsecheck'])
  }
})

/** Exceptions as dashboard-linter reads them: by rule, the titles of panels. */
const { exclusions } = parse(read('grafana/dashboards/.lint')) as {
  exclusions: Record<string, { reason: string; entries: { panel: string }[] }>
}
const isExcluded = (rule: string, title: string) =>
  exclusions[rule]?.entries.some(({ panel }) => panel === title) === true

describe.each(all)('%s', (_, dashboard) => {
  const panels = panelsOf(dashboard)

  test('data source, job and instance are variables', () => {
    const byName = Object.fromEntries(dashboard.templating.list.map(variable => [variable.name, variable]))
    expect(byName.datasource).toMatchObject({ type: 'datasource', query: 'prometheus', label: 'Data source' })
    for (const name of ['job', 'instance'])
      expect(byName[name]).toMatchObject({
        type: 'query',
        label: `${name[0]?.toUpperCase()}${name.slice(1)}`,
        multi: true,
        allValue: '.+',
        refresh: 2,
        datasource: { uid: '$' + '{datasource}' },
      })
  })

  test('every panel has a title, a description, a unit, a query and the chosen data source', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    for (const { title, description, fieldConfig, targets = [], datasource } of panels) {
      expect(title).not.toBe('')
      expect(description, title).toMatch(/\.$/)
      expect(fieldConfig?.defaults.unit, title).toMatch(/^(s|d|short|ops|bytes|percentunit)$/)
      expect(targets.length, title).toBeGreaterThan(0)
      expect(datasource?.uid).toBe('$' + '{datasource}')
    }
  })

  test('every query has matchers for job and instance, and rates over $__rate_interval', () => {
    for (const { title, targets = [] } of panels)
      for (const { expr } of targets)
        for (const [, matchers = '', range] of expr.matchAll(/\{([^}]*)\}(?:\[([^\]]+)\])?/g)) {
          expect(matchers, title).toContain('job=~"$job"')
          if (!isExcluded('target-instance-rule', title)) expect(matchers).toContain('instance=~"$instance"')
          if (range !== undefined && !isExcluded('target-rate-interval-rule', title))
            expect(range, title).toBe('$__rate_interval')
        }
  })
})

test('every exclusion has its reason, and a panel that it is for', () => {
  const titles = all.flatMap(([, dashboard]) => panelsOf(dashboard).map(({ title }) => title))
  for (const { reason, entries } of Object.values(exclusions)) {
    expect(reason).toMatch(/\.$/)
    for (const { panel } of entries) expect(titles).toContain(panel)
  }
})

describe('pulsecheck dashboard', () => {
  test('prints what the files are', async () => {
    for (const [name] of all)
      expect(await printed(`dashboard ${name.slice(0, -'.json'.length)}`)).toBe(
        read(`grafana/dashboards/${name}`),
      )
  })

  test('keeps every panel of the overview, since all kinds may have certificates', async () => {
    const config = { dependencies: { web: 'https://127.0.0.1:1/' } }
    const titles = (text: string) => JSON.parse(text).panels.map(({ title }: { title: string }) => title)
    expect(titles(await printed('dashboard overview', config))).toEqual(
      titles(read('grafana/dashboards/overview.json')),
    )
  })

  test('leaves out the panels of kinds that the config does not have, and their rows', async () => {
    const text = await printed('dashboard dependency', { dependencies: { web: 'http://127.0.0.1:1/' } })
    const titles = JSON.parse(text).panels.map(({ title }: { title: string }) => title)
    const rows = kinds
      .filter(({ measurements = {} }) => Object.keys(measurements).length > 0)
      .map(({ name }) => `Measurements of ${name}`)
    expect(rows.length).toBeGreaterThan(2)
    expect(titles.filter((title: string) => title.startsWith('Measurements of'))).toEqual([
      'Measurements of http',
    ])
    expect(titles).toContain('Durations')
    const { panels } = JSON.parse(text) as { panels: { type: string; gridPos: { y: number; h: number } }[] }
    const ends = panels.map(({ gridPos: { y, h } }) => y + h)
    for (const [i, { type, gridPos }] of panels.entries())
      if (type === 'row') expect(gridPos.y).toBe(Math.max(0, ...ends.slice(0, i)))
  })
})

test('Grafana is given the data source and the folder of the dashboards', () => {
  const { datasources } = parse(read('grafana/provisioning/datasources/prometheus.yml'))
  expect(datasources).toMatchObject([{ type: 'prometheus', isDefault: true }])
  const { providers } = parse(read('grafana/provisioning/dashboards/pulsecheck.yml'))
  expect(providers).toMatchObject([{ type: 'file', options: { path: expect.stringMatching(/^\//) } }])
  expect(readdirSync(join(root, 'grafana/provisioning')).toSorted()).toEqual(['dashboards', 'datasources'])
  expect(readdirSync(folder)).toContain('.lint')
})

test('the package contains what the commands print, and what Prometheus and Grafana are given', () => {
  const { files } = JSON.parse(read('package.json'))
  for (const path of ['prometheus', 'prometheus.yml', 'grafana/dashboards', 'grafana/provisioning'])
    expect(files).toContain(path)
})
