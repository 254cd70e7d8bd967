/**
 * Writes a version wherever the project names its own, and gives the changelog a section for it, made of what is unreleased.
 *
 *     node scripts/bump.ts VERSION
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const { version: before } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const version = process.argv[2] ?? ''
if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error(`not a version: ${version}`)

/** The texts in which a version, here a percent sign, is the project's and not that of something else. */
const places: Readonly<Record<string, readonly string[]>> = {
  'package.json': ['  "version": "%",'],
  'package-lock.json': [
    '"name": "pulsecheck",\n  "version": "%"',
    '"name": "pulsecheck",\n      "version": "%"',
  ],
  Dockerfile: ['ARG VERSION=%\n'],
  'deploy/helm/pulsecheck/Chart.yaml': ['\nversion: %\n', '\nappVersion: %\n'],
  'deploy/helm/pulsecheck/README.md': ['/pulsecheck:% '],
  'deploy/helm/golden/*.yaml': ['version: %\n', 'pulsecheck-%\n', 'pulsecheck:%\n'],
  'deploy/kubernetes/overlays/*/kustomization.yaml': ['newTag: %\n'],
  'deploy/proxies/nomad.hcl': ['"pulsecheck:%"'],
}

for (const [pattern, texts] of Object.entries(places)) {
  for (const file of globSync(pattern, { cwd: root })) {
    edit(file, content => texts.reduce((done, text) => replaceIn(file, done, text), content))
  }
}
edit('CHANGELOG.md', content => {
  const [, unreleased = ''] = content.split(/^## .*\n/m)
  if (unreleased.trim() === '') throw new Error('CHANGELOG.md: nothing is unreleased')
  const today = new Date().toISOString().slice(0, 10)
  return content.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - ${today}\n`)
})

function replaceIn(file: string, content: string, text: string): string {
  const wanted = text.replace('%', before)
  if (!content.includes(wanted)) throw new Error(`${file}: ${JSON.stringify(wanted)} is not there`)
  return content.replaceAll(wanted, text.replace('%', version))
}

function edit(file: string, change: (content: string) => string): void {
  const path = join(root, file)
  writeFileSync(path, change(readFileSync(path, 'utf8')))
}
