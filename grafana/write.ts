/** Writes `grafana/dashboards/`: `npm run dashboards`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dashboards } from './dashboards.ts'

for (const [name, text] of Object.entries(dashboards()))
  writeFileSync(join(import.meta.dirname, 'dashboards', name), text)
