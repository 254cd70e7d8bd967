/** Writes the chart's README from its values: `npm exec -c "node scripts/kubernetes/readme.ts"`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMap, isScalar, type Pair, parseDocument, stringify, type YAMLMap } from 'yaml'

const chart = join(import.meta.dirname, '../../deploy/helm/pulsecheck')
const marks = ['<!-- values -->', '<!-- end of values -->'] as const

/** The README as it should be. */
export function readmeOf(readme: string, values: string): string {
  const [before = '', rest = ''] = readme.split(marks[0])
  const after = rest.split(marks[1])[1] ?? ''
  return `${before}${marks[0]}\n\n${tableOf(values)}\n\n${marks[1]}${after}`
}

function tableOf(values: string): string {
  const { contents } = parseDocument(values)
  const rows = isMap(contents) ? rowsOf(contents, '', contents.commentBefore ?? undefined) : []
  return ['| key | default | |', '|---|---|---|', ...rows].join('\n')
}

/** @param lead the comment in front of the first key, which YAML counts to the map. */
function rowsOf(map: YAMLMap, path: string, lead: string | undefined): readonly string[] {
  return map.items.flatMap((pair, i) => {
    const { key, value } = pair as Pair
    if (!isScalar(key)) return []
    const place = `${path}${key.value}`
    const comment = textOf(i === 0 ? (key.commentBefore ?? lead) : key.commentBefore)
    const isSection = isMap(value) && value.items.length > 0 && !value.flow && comment === ''
    if (isSection) return rowsOf(value, `${place}.`, value.commentBefore ?? undefined)
    const shown = stringify(value, { collectionStyle: 'flow', lineWidth: 0 })
    return [`| \`${place}\` | \`${shown.trim().replaceAll('|', '\\|')}\` | ${comment} |`]
  })
}

function textOf(comment: string | null | undefined): string {
  const lines = (comment ?? '').split('\n').map(line => line.trim())
  const start = lines.findIndex(line => line.startsWith('-- '))
  return start === -1 ? '' : lines.slice(start).join(' ').replace('-- ', '').replaceAll('|', '\\|')
}

if (import.meta.main) {
  const file = join(chart, 'README.md')
  writeFileSync(file, readmeOf(readFileSync(file, 'utf8'), readFileSync(join(chart, 'values.yaml'), 'utf8')))
}
