/**
 * The tables of the documents that follow from the code: each stands between `<!-- table: name -->` and `<!-- end -->`
 * in a document, and `node test/docs/write.ts` brings them up to date.
 */
import type { Command, Option } from 'commander'
import { z } from 'zod'
import { createProgram } from '../../src/cli/program.ts'
import { histogramSchema, sections, serverSchema } from '../../src/config/sections.ts'
import type { Family, HistogramSample, NumberSample } from '../../src/exposition/family.ts'
import { kinds } from '../../src/kinds/index.ts'
import { tlsOptions } from '../../src/kinds/shared/tls.ts'
import { optionsOf } from '../../src/model/definition.ts'
import { type Failures, listed, type Reason, reasons } from '../../src/model/failure.ts'
import type { Kind } from '../../src/model/kind.ts'
import { formatDuration } from '../../src/model/notation.ts'
import { settings } from '../../src/model/settings.ts'
import { commonFailures } from '../../src/schedule/failures.ts'
import { dependencyFamilies, measurementFamilies } from '../../src/views/families.ts'
import { selfFamilies } from '../../src/views/self.ts'
import { reloadFamilies } from '../../src/views/service.ts'
import { fullReloads, fullSelf, fullSubject } from './subjects.ts'

type Row = readonly string[]

/** Every table by its name. */
export function tables(): ReadonlyMap<string, string> {
  const program = createProgram()
  return new Map([
    ['sections', keyTable(sections, { children: false })],
    ['settings', keyTable(settings, { first: kindRow() })],
    ['server', keyTable(serverSchema)],
    ['histogram', keyTable(histogramSchema)],
    ['tls', keyTable(tlsOptions as unknown as z.ZodObject)],
    ...kinds.map(kind => [`kind ${kind.name}`, keyTable(optionsOf(kind))] as const),
    ['flags', table(['flag', 'meaning'], program.options.map(flagRow))],
    ['command flags', table(['command', 'flag', 'meaning'], program.commands.flatMap(commandFlagRows))],
    ['commands', table(['command', 'meaning'], program.commands.map(commandRow))],
    ['families', familyTable(dependencyFamilies, fullSubject)],
    ['measurements', table(['metric', 'type', 'meaning'], kinds.flatMap(measurementRows))],
    ...reasons.map(reason => [`reason ${reason}`, failureTable(reason)] as const),
    ['self', familyTable(selfFamilies, fullSelf)],
    ['reloads', familyTable(reloadFamilies, fullReloads)],
    [
      'overview',
      table(
        ['metric', 'type', 'meaning'],
        [...dependencyFamilies, ...selfFamilies, ...reloadFamilies].map(shortRow),
      ),
    ],
  ])
}

/** Every table that a text holds, as it stands there, by its name. */
export function tablesIn(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(marked)].map(([, name = '', body = '']) => [name, body.trim()]))
}

/** The text with its tables brought up to date. */
export function withTables(text: string): string {
  const current = tables()
  return text.replaceAll(marked, (found, name: string) => {
    const body = current.get(name)
    return body === undefined ? found : `<!-- table: ${name} -->\n\n${body}\n\n<!-- end -->`
  })
}

const marked = /^<!-- table: ([^>]+) -->$([\s\S]*?)^<!-- end -->$/gm

function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

/** What of JSON Schema is looked at. */
interface Node {
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Node[]
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Node>>
  readonly file?: boolean
  readonly items?: Node
}

function keyTable(
  schema: z.ZodObject,
  { first = [], children = true }: { first?: readonly Row[]; children?: boolean } = {},
): string {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node
  const bounds = (key: string) => durationBounds(schema.shape[key] as z.ZodType)
  const rows = Object.entries(properties).flatMap(([key, node]) => keyRows(key, node, children, bounds(key)))
  return table(['key', 'value', 'meaning'], [...first, ...rows])
}

/** A key and, below it, the keys of the map that it holds. The keys of `tls` have a table of their own. */
function keyRows(key: string, node: Node, children: boolean, bounds?: string): readonly Row[] {
  const names = node.file === true ? `\`${key}\`, \`${key}File\`` : `\`${key}\``
  const isTls = key.split('.').at(-1) === 'tls'
  const value = isTls ? '[TLS keys](#tls-keys)' : (bounds ?? typeOf(node))
  const own = [names, value, node.description ?? '']
  if (isTls || !children) return [own]
  const below = Object.entries(node.properties ?? {})
  return [own, ...below.flatMap(([name, inner]) => keyRows(`${key}.${name}`, inner, true))]
}

/** `100ms` to `1d`, if the schema is that of a duration: it says so when it refuses one that is too long. */
function durationBounds(schema: z.ZodType): string | undefined {
  const refused = schema.safeParse('100000y').error?.issues[0]?.message ?? ''
  const [, low, high] = /it must be between (\S+) and (\S+)$/.exec(refused) ?? []
  return low === undefined ? undefined : `duration, ${low} to ${high}`
}

function typeOf({ type, enum: values, anyOf, minimum, maximum, items }: Node): string {
  if (values !== undefined) return values.map(value => `\`${value}\``).join(', ')
  if (anyOf !== undefined) return 'any'
  if (type === 'boolean') return '`true` or `false`'
  if (type === 'integer') return minimum === undefined ? 'whole number' : `${minimum} to ${maximum}`
  if (type === 'array') return items?.type === 'number' ? 'list of numbers' : 'list'
  if (type === 'object') return 'map'
  if (type === 'number') return 'number'
  return type === 'string' ? 'text' : 'any'
}

function kindRow(): readonly Row[] {
  const names = kinds.map(({ name }) => `\`${name}\``).join(', ')
  return [['`kind`', names, 'The kind of dependency. Required, except in the one-line form.']]
}

function flagRow({ flags, description, argChoices, defaultValue }: Option): Row {
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`
  const preset = typeof defaultValue === 'string' ? `; default ${defaultValue}` : ''
  return [`\`${flags}\``, text(`${description}${choices}${preset}`)]
}

/** A duration is kept in milliseconds; its flag takes the words of the config. */
function commandFlagRows(command: Command): readonly Row[] {
  return command.options.map(option => {
    const [flag = '', meaning = ''] = flagRow(option)
    const { defaultValue } = option
    const preset = typeof defaultValue === 'number' ? `; default ${formatDuration(defaultValue)}` : ''
    return [`\`${command.name()}\``, flag, `${meaning}${preset}`]
  })
}

function commandRow(command: Command): Row {
  const usage = command.registeredArguments.map(argument => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name()
    return argument.required ? ` <${name}>` : ` [${name}]`
  })
  return [`\`pulsecheck ${command.name()}${usage.join('')}\``, text(command.description())]
}

/** Angle brackets outside of code would pass for HTML. */
function text(plain: string): string {
  return plain.replaceAll('<', '\\<')
}

function familyTable<Subject>(families: readonly Family<Subject>[], subject: Subject): string {
  const rows = families.map(family => [
    `\`${family.name}\``,
    family.type,
    labelsOf(family.samples(subject)),
    meaning(family),
  ])
  return table(['metric', 'type', 'labels', 'meaning'], rows)
}

/** The labels of a family, and the values of those that have a closed set of them. */
function labelsOf(samples: readonly (NumberSample | HistogramSample)[]): string {
  const names = new Set(samples.flatMap(({ labels }) => Object.keys(labels)))
  return [...names].map(name => `\`${name}\``).join(', ')
}

function measurementRows({ name: kind, measurements = {} }: Kind): readonly Row[] {
  return measurementFamilies(kind, measurements).map(shortRow)
}

/** What can be under one reason: what is common to all kinds, then what each kind names itself. */
function failureTable(reason: Reason): string {
  const own = kinds.flatMap(({ name, failures = {} }) => failureRows(name, failures, reason))
  return table(
    ['detail', 'kind', 'meaning', 'what to do'],
    [...failureRows('any', commonFailures, reason), ...own],
  )
}

/** Details that mean the same share a row. */
function failureRows(kind: string, failures: Failures, wanted: Reason): readonly Row[] {
  const entries = Object.entries(failures).flatMap(([detail, declared]) =>
    listed(declared)
      .filter(([reason]) => reason === wanted)
      .map(([, meaning, remedy]) => ({ detail, meaning, remedy })),
  )
  const alike = Map.groupBy(entries, ({ meaning, remedy }) => `${meaning}\n${remedy}`)
  return [...alike.values()].map(rows => {
    const { meaning = '', remedy = '' } = rows[0] ?? {}
    return [rows.map(({ detail }) => `\`${detail}\``).join(', '), kind, meaning, remedy]
  })
}

function shortRow(family: Pick<Family<never>, 'name' | 'type' | 'help'>): Row {
  return [`\`${family.name}\``, family.type, meaning(family)]
}

/** The HELP text without the sentence that all gauges share. */
function meaning({ help }: Pick<Family<never>, 'help'>): string {
  return help.replace(/ Cached result of the last checks; a scrape triggers no checks\.$/, '')
}
