/**
 * Strict readers of the two text formats, written from their specifications and not from our renderer: whatever
 * those do not allow throws. They give samples in plain form, so that a test can compare them.
 */

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly exemplar?: {
    readonly labels: Record<string, string>
    readonly value: number
    readonly timestamp: number
  }
}

export interface ParsedFamily {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: readonly Sample[]
}

const suffixes: Record<'text' | 'openMetrics', Record<string, readonly string[]>> = {
  text: { gauge: [''], counter: [''], histogram: ['_bucket', '_sum', '_count'] },
  openMetrics: {
    gauge: [''],
    counter: ['_total', '_created'],
    histogram: ['_bucket', '_sum', '_count', '_created'],
  },
}

export function parseText(body: string): readonly ParsedFamily[] {
  return parse(body, 'text')
}

export function parseOpenMetrics(body: string): readonly ParsedFamily[] {
  if (!body.endsWith('# EOF\n')) throw new Error('no # EOF')
  return parse(body.slice(0, -'# EOF\n'.length), 'openMetrics')
}

function parse(body: string, format: 'text' | 'openMetrics'): readonly ParsedFamily[] {
  if (body !== '' && !body.endsWith('\n')) throw new Error('the last line does not end')
  const families: { name: string; help: string; type: string; samples: Sample[] }[] = []
  const seen = new Set<string>()
  const lines = body.split('\n').slice(0, -1)
  for (let i = 0; i < lines.length; i++) {
    const help = /^# HELP (\S+) (.*)$/su.exec(lines[i]!)
    if (help !== null) {
      const type = /^# TYPE (\S+) (gauge|counter|histogram)$/.exec(lines[++i] ?? '')
      if (type === null || type[1] !== help[1]) throw new Error(`no TYPE after ${help[0]}`)
      if (families.some(({ name }) => name === help[1])) throw new Error(`${help[1]} stands twice`)
      families.push({
        name: help[1]!,
        help: unescaped(help[2]!, format === 'openMetrics'),
        type: type[2]!,
        samples: [],
      })
      continue
    }
    const family = families.at(-1)
    if (family === undefined) throw new Error('a sample before its family')
    const sample = parseSample(lines[i]!, format)
    const suffix = sample.name.slice(family.name.length)
    if (!sample.name.startsWith(family.name) || !suffixes[format][family.type]!.includes(suffix))
      throw new Error(`${sample.name} is no sample of the ${family.type} ${family.name}`)
    if (sample.exemplar !== undefined && !['_total', '_bucket'].includes(suffix))
      throw new Error('exemplar not allowed')
    const identity = JSON.stringify([sample.name, Object.entries(sample.labels).sort()])
    if (seen.has(identity)) throw new Error(`${identity} stands twice`)
    seen.add(identity)
    family.samples.push(sample)
  }
  return families
}

function parseSample(line: string, format: 'text' | 'openMetrics'): Sample {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0]
  if (name === undefined) throw new Error(`no name in ${JSON.stringify(line)}`)
  const cursor = { line, at: name.length }
  const labels = line[cursor.at] === '{' ? parseLabels(cursor) : {}
  expect(cursor, ' ')
  const value = parseNumber(cursor, format === 'openMetrics' && labels.le !== undefined)
  checkBound(labels.le, format)
  if (cursor.at === line.length) return { name, labels, value }
  if (format === 'text') throw new Error(`more after the value in ${line}`)
  for (const character of ' # ') expect(cursor, character)
  const exemplarLabels = parseLabels(cursor)
  if ([...Object.entries(exemplarLabels).flat().join('')].length > 128) throw new Error('exemplar too long')
  expect(cursor, ' ')
  const exemplarValue = parseNumber(cursor, false)
  expect(cursor, ' ')
  const timestamp = parseNumber(cursor, false)
  if (cursor.at !== line.length) throw new Error(`more after the exemplar in ${line}`)
  return { name, labels, value, exemplar: { labels: exemplarLabels, value: exemplarValue, timestamp } }
}

/** OpenMetrics: the value of `le` is a float, and so always has a point, an exponent or is an infinity. */
function checkBound(le: string | undefined, format: 'text' | 'openMetrics'): void {
  if (le === undefined || format === 'text') return
  if (!/^(\+Inf|-?\d+\.\d+|-?\d+(\.\d+)?e[+-]\d\d+)$/.test(le)) throw new Error(`le="${le}" is no float`)
}

interface Cursor {
  readonly line: string
  at: number
}

function expect(cursor: Cursor, character: string): void {
  if (cursor.line[cursor.at] !== character)
    throw new Error(`expected ${JSON.stringify(character)} at ${cursor.at} of ${JSON.stringify(cursor.line)}`)
  cursor.at += 1
}

function parseLabels(cursor: Cursor): Record<string, string> {
  const labels: Record<string, string> = {}
  expect(cursor, '{')
  while (cursor.line[cursor.at] !== '}') {
    if (Object.keys(labels).length > 0) expect(cursor, ',')
    const name = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(cursor.line.slice(cursor.at))?.[0]
    if (name === undefined || name in labels) throw new Error(`bad label in ${cursor.line}`)
    cursor.at += name.length
    expect(cursor, '=')
    labels[name] = parseQuoted(cursor)
  }
  expect(cursor, '}')
  return labels
}

function parseQuoted(cursor: Cursor): string {
  expect(cursor, '"')
  const start = cursor.at
  while (cursor.line[cursor.at] !== '"') {
    if (cursor.at >= cursor.line.length) throw new Error('a quote that does not end')
    cursor.at += cursor.line[cursor.at] === '\\' ? 2 : 1
  }
  cursor.at += 1
  return unescaped(cursor.line.slice(start, cursor.at - 1), true)
}

function unescaped(text: string, quotes: boolean): string {
  return text.replace(/\\(.?)/gsu, (_, character: string) => {
    if (character === 'n') return '\n'
    if (character === '\\' || (quotes && character === '"')) return character
    throw new Error(`a stray backslash in ${JSON.stringify(text)}`)
  })
}

function parseNumber(cursor: Cursor, whole: boolean): number {
  const text = /^[^ ]+/.exec(cursor.line.slice(cursor.at))?.[0] ?? ''
  cursor.at += text.length
  const named = { '+Inf': Infinity, '-Inf': -Infinity, NaN }[text]
  if (named !== undefined) return named
  if (!/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) || (whole && !/^\d+$/.test(text)))
    throw new Error(`${JSON.stringify(text)} is no number here`)
  return Number(text)
}
