/** Grafana's dashboard-linter, in strict mode, on our dashboards. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, readDashboards } from './dashboards.ts'

const isThere = spawnSync('dashboard-linter', ['--help']).status === 0

test.skipIf(!isThere).each([...readDashboards().keys()])('dashboard-linter has no problem with %s', name => {
  const args = ['lint', '--strict', '--config', join(folder, '.lint'), join(folder, name)]
  const { status, stdout, stderr } = spawnSync('dashboard-linter', args, { encoding: 'utf8' })
  expect(status === 0 ? '' : `${stdout}${stderr}`).toBe('')
})
