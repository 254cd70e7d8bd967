/** The documents as data: their text, headings, code blocks and tables. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** Every document that speaks to users, by its path from the root. */
export const documents: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/configuration.md',
  'docs/metrics.md',
  'docs/prometheus.md',
  'docs/datadog.md',
  'docs/opentelemetry.md',
  'docs/operating.md',
  'docs/library.md',
  'docs/security.md',
  'docs/testing.md',
  ...readdirSync(join(root, 'docs/runbooks')).map(page => `docs/runbooks/${page}`),
]

export interface Block {
  readonly file: string
  /** Of the opening fence, from 1. */
  readonly line: number
  readonly language: string
  /** The heading that it stands under. */
  readonly section: string
  readonly text: string
}

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** Code blocks of all documents in these languages. */
export function blocks(...languages: readonly string[]): readonly Block[] {
  return documents.flatMap(blocksOf).filter(({ language }) => languages.includes(language))
}

export function blocksOf(file: string): readonly Block[] {
  const found: Block[] = []
  let section = ''
  let open: { readonly line: number; readonly language: string; readonly lines: string[] } | undefined
  for (const [i, line] of read(file).split('\n').entries()) {
    const fence = /^```(\S*)/.exec(line)
    if (open !== undefined && fence !== null) {
      const { lines, ...rest } = open
      found.push({ file, section, ...rest, text: `${lines.join('\n')}\n` })
      open = undefined
    } else if (open !== undefined) open.lines.push(line)
    else if (fence !== null) open = { line: i + 1, language: fence[1] ?? '', lines: [] }
    else section = /^#+ (.*)$/.exec(line)?.[1] ?? section
  }
  return found
}

/** What a document says outside of its code blocks. */
export function prose(file: string): string {
  return read(file).replaceAll(/^```[\s\S]*?^```$/gm, '')
}

/** The headings of a document, without their signs. */
export function headings(file: string): readonly string[] {
  return [...prose(file).matchAll(/^#+ (.*)$/gm)].map(([, text]) => text ?? '')
}

/** The cells of the rows under a heading, up to the next heading; the head of each table is left out. */
export function rowsUnder(file: string, heading: string): readonly (readonly string[])[] {
  const [, section = ''] = prose(file).split(`# ${heading}\n`)
  const rows = section.split(/^#+ /m)[0]?.split('\n') ?? []
  return rows
    .filter((row, i) => row.startsWith('| ') && !rows[i + 1]?.startsWith('|-'))
    .map(row =>
      row
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map(cell => cell.trim()),
    )
}

/** The words of a text that stand in backticks. */
export function quoted(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? '')
}
