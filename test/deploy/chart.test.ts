/** The chart's values, its schema and its README tell the same. What it renders: `npm run verify:kubernetes`. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readmeOf } from '../../scripts/kubernetes/readme.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, 'deploy/helm/pulsecheck', file), 'utf8')

test('the README has the table of the values', () => {
  expect(read('README.md')).toBe(readmeOf(read('README.md'), read('values.yaml')))
})

test('the schema knows the values, and no others', () => {
  const { properties } = JSON.parse(read('values.schema.json'))
  const known = Object.keys(properties).filter(key => key !== 'global')
  expect(known.toSorted()).toEqual(Object.keys(parse(read('values.yaml'))).toSorted())
})

test('the version is that of the package, in the chart and in the manifests', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect(parse(read('Chart.yaml'))).toMatchObject({ version, appVersion: version })
  const overlays = globSync('deploy/kubernetes/overlays/*/kustomization.yaml', { cwd: root })
  expect(overlays).toHaveLength(4)
  for (const file of overlays)
    expect(parse(readFileSync(join(root, file), 'utf8')).images[0]).toMatchObject({ newTag: version })
  expect(readFileSync(join(root, 'Dockerfile'), 'utf8')).toContain(`ARG VERSION=${version}\n`)
})
