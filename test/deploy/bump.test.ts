/** A release begins with a version that stands wherever the project names its own. */
import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** A copy of what names the version, and of the script. */
function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-bump-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const file of ['package.json', 'package-lock.json', 'Dockerfile', 'deploy', 'scripts/bump.ts'])
    cpSync(join(root, file), join(folder, file), { recursive: true, verbatimSymlinks: true })
  // Right after a release, nothing is unreleased.
  writeFileSync(join(folder, 'CHANGELOG.md'), '# Changelog\n\n## [Unreleased]\n\n- A change.\n')
  return folder
}

const bump = (folder: string, next: string) =>
  execFileSync(process.execPath, [join(folder, 'scripts/bump.ts'), next], { stdio: 'pipe' })

test('a new version is written everywhere, and what is unreleased becomes its section', () => {
  const folder = copy()
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  bump(folder, '12.3.4')
  expect(JSON.parse(read('package.json')).version).toBe('12.3.4')
  expect(JSON.parse(read('package-lock.json')).packages[''].version).toBe('12.3.4')
  expect(read('CHANGELOG.md')).toMatch(/^## \[Unreleased\]\n\n## \[12\.3\.4\] - \d{4}-\d\d-\d\d\n\n\S/m)
  const old = new RegExp(
    `(pulsecheck[:-]|[vV]ersion[:=] ?|VERSION=|newTag: )${version.replaceAll('.', '\\.')}`,
  )
  const files = globSync(['Dockerfile', 'deploy/**/*.{yaml,md,hcl}'], { cwd: folder })
  expect(files.filter(file => old.test(read(file)))).toEqual([])
})

test('it refuses what is no version, and a release without changes', () => {
  const folder = copy()
  expect(() => bump(folder, 'next')).toThrow('not a version: next')
  bump(folder, '12.3.4')
  expect(() => bump(folder, '12.3.5')).toThrow('nothing is unreleased')
})
