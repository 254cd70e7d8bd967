/** A drawing of a dashboard: its panels where they stand, with what a Prometheus answers to their queries. Not Grafana. */
import type { Prometheus, Series } from '../support/prometheus.ts'
import { type Dashboard, filled, type Panel } from './dashboards.ts'

/** One series of an answer to a range query. */
interface Line {
  readonly metric: Readonly<Record<string, string>>
  readonly values?: readonly (readonly [number, string])[]
  readonly histograms?: readonly (readonly [
    number,
    { readonly buckets?: readonly (readonly [number, string, string, string])[] },
  ])[]
}

/** What is drawn, and for which time. */
export interface Moment {
  readonly prometheus: Prometheus
  /** Unix seconds. */
  readonly from: number
  readonly to: number
  /** The dependency that is chosen where one is. */
  readonly dependency: string
}

interface DrawnPanel extends Omit<Panel, 'fieldConfig' | 'targets'> {
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string
      readonly mappings?: readonly { readonly options: Readonly<Record<string, Mapped>> }[]
    }
    readonly overrides: readonly Override[]
  }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly {
    readonly expr: string
    readonly refId: string
    readonly legendFormat?: string
  }[]
  readonly transformations?: readonly { readonly id: string; readonly options: unknown }[]
}

const unitPx = 38
const colours = ['#3b7dd8', '#e0803a', '#3d9a5f', '#b04a9e', '#c9a227', '#5aa7a7', '#a85555', '#7a6fc4']

/** The page, with a line on it that says what it is. */
export async function draw(dashboard: Dashboard, moment: Moment): Promise<string> {
  const panels = dashboard.panels as unknown as readonly DrawnPanel[]
  const drawn = await Promise.all(panels.map(panel => drawPanel(panel, moment)))
  const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * unitPx
  return `<!doctype html><meta charset="utf-8"><style>${style}</style>
<h1>${escapeText(dashboard.title)}</h1>
<p>A drawing of the dashboard's panels with data of a real Prometheus that scraped the demo. It is not Grafana.</p>
<main style="height:${height}px">${drawn.join('')}</main>`
}

const style = `
body { margin: 16px; width: 1400px; background: #f4f5f7; color: #24292e; font: 13px system-ui, sans-serif }
h1 { font-size: 20px; margin: 0 } p { margin: 4px 0 12px; color: #57606a } main { position: relative }
section { position: absolute; box-sizing: border-box; padding: 3px }
section > div { background: #fff; border: 1px solid #d8dce2; border-radius: 3px; height: 100%; box-sizing: border-box; padding: 6px 8px; overflow: hidden }
section.row > div { background: none; border: 0; font-weight: 600; padding: 10px 2px }
h2 { font-size: 13px; margin: 0 0 4px } svg { display: block } td, th { text-align: left; padding: 2px 14px 2px 0 }
.tiles { display: flex; gap: 6px; height: 75% } .tiles span { flex: 1; color: #fff; border-radius: 3px; display: grid; place-content: center; text-align: center }
.tiles b { font-size: 22px } .bar { display: flex; gap: 8px; margin: 3px 0 } .bar i { background: #e0803a; height: 16px }
footer { font-size: 11px; color: #57606a } footer span { margin-right: 12px } .none { color: #8c959f; padding: 20px }`

async function drawPanel(panel: DrawnPanel, moment: Moment): Promise<string> {
  const { x, y, w, h } = panel.gridPos
  const place = `left:${(x / 24) * 100}%;top:${y * unitPx}px;width:${(w / 24) * 100}%;height:${h * unitPx}px`
  if (panel.type === 'row')
    return `<section class="row" style="${place}"><div>${escapeText(panel.title)}</div></section>`
  const body = await (drawings[panel.type] ?? drawLines)(panel, moment)
  const inner = body === '' ? '<div class="none">nothing</div>' : body
  return `<section style="${place}"><div><h2>${escapeText(panel.title)}</h2>${inner}</div></section>`
}

const drawings: Readonly<Record<string, (panel: DrawnPanel, moment: Moment) => Promise<string>>> = {
  stat: drawTiles,
  bargauge: drawBars,
  table: drawTable,
  'state-timeline': drawStates,
  heatmap: drawHeat,
}

function queriesOf({ targets = [] }: DrawnPanel, { dependency }: Moment) {
  return targets.map(({ expr, legendFormat = '', refId }) => ({
    expr: filled(expr, { dependency, __range: '10m' }),
    legend: (metric: Line['metric']) =>
      legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? ''),
    refId,
  }))
}

async function ask(panel: DrawnPanel, moment: Moment) {
  const { prometheus, to } = moment
  const answers = await Promise.all(
    queriesOf(panel, moment).map(async ({ expr, legend, refId }) => {
      const path = `/api/v1/query?query=${encodeURIComponent(expr)}&time=${to}`
      const { result } = (await prometheus.api(path)) as { result: readonly Series[] }
      return result.map(({ metric, value }) => ({
        name: legend(metric),
        metric,
        refId,
        value: Number(value?.[1]),
      }))
    }),
  )
  return answers.flat()
}

async function askRange(panel: DrawnPanel, moment: Moment) {
  const { prometheus, from, to } = moment
  const answers = await Promise.all(
    queriesOf(panel, moment).map(async ({ expr, legend }) => {
      const path = `/api/v1/query_range?query=${encodeURIComponent(expr)}&start=${from}&end=${to}&step=0.5`
      const { result } = (await prometheus.api(path)) as { result: readonly Line[] }
      return result.map(line => ({ ...line, name: legend(line.metric) }))
    }),
  )
  return answers.flat()
}

function format(value: number, unit: string | undefined): string {
  if (!Number.isFinite(value)) return '–'
  if (unit === 'percentunit') return `${(100 * value).toFixed(2)} %`
  if (unit === 's') return value < 1 ? `${(1_000 * value).toFixed(1)} ms` : `${value.toFixed(1)} s`
  if (unit === 'bytes') return `${(value / 2 ** 20).toFixed(0)} MiB`
  return String(Math.round(100 * value) / 100)
}

function unitOf({ fieldConfig }: DrawnPanel): string | undefined {
  return fieldConfig?.defaults.unit
}

interface Mapped {
  readonly text: string
  readonly color: string
}

function mappingOf({ fieldConfig }: DrawnPanel, value: number): Mapped | undefined {
  return fieldConfig?.defaults.mappings?.[0]?.options[String(value)]
}

const tileColours: Readonly<Record<string, string>> = { green: '#3d9a5f', red: '#c94f4f' }

async function drawTiles(panel: DrawnPanel, moment: Moment): Promise<string> {
  const tiles = (await ask(panel, moment)).map(({ name, value }) => {
    const mapped = mappingOf(panel, value)
    const colour = tileColours[mapped?.color ?? ''] ?? '#6e7781'
    const text = mapped?.text ?? format(value, unitOf(panel))
    return `<span style="background:${colour}"><b>${escapeText(text)}</b>${escapeText(name)}</span>`
  })
  return tiles.length === 0 ? '' : `<div class="tiles">${tiles.join('')}</div>`
}

async function drawBars(panel: DrawnPanel, moment: Moment): Promise<string> {
  const found = await ask(panel, moment)
  const max = Math.max(...found.map(({ value }) => value))
  return found
    .map(({ name, value }) => {
      const width = (60 * value) / max
      return `<div class="bar">${escapeText(name)}<i style="width:${width}%"></i>${format(value, unitOf(panel))}</div>`
    })
    .join('')
}

async function drawTable(panel: DrawnPanel, moment: Moment): Promise<string> {
  const found = await ask(panel, moment)
  if (found.length === 0) return ''
  const organize = panel.transformations?.find(({ id }) => id === 'organize')
  const { renameByName = {} } = (organize?.options ?? {}) as {
    renameByName?: Readonly<Record<string, string>>
  }
  const overrides = (panel.fieldConfig?.overrides ?? []).map(
    ({ matcher, properties }) =>
      [matcher.options, properties.find(({ id }) => id === 'unit')?.value] as const,
  )
  const units = new Map(overrides)
  const rows = Map.groupBy(found, ({ metric }) => [metric.dependency, metric.instance].join())
  const lines = [...rows.values()].map(cells =>
    Object.entries(renameByName).map(([field, title]) => {
      const ref = /^Value(?: #(\w))?$/.exec(field)
      if (ref === null) return cells[0]?.metric[field] ?? ''
      const cell = cells.find(({ refId }) => ref[1] === undefined || refId === ref[1])
      return cell === undefined ? '–' : format(cell.value, units.get(title))
    }),
  )
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map(cell => `<${tag}>${escapeText(cell)}</${tag}>`).join('')}</tr>`
  return `<table>${row(Object.values(renameByName), 'th')}${lines.map(cells => row(cells, 'td')).join('')}</table>`
}

interface Override {
  readonly matcher: { readonly options: string }
  readonly properties: readonly { readonly id: string; readonly value: string }[]
}

const [width, left] = [1_000, 90]

function x(time: number, { from, to }: Moment): number {
  return left + ((width - left) * (time - from)) / (to - from)
}

function svg(height: number, content: string): string {
  return `<svg viewBox="0 0 ${width} ${height}" width="100%" height="80%" preserveAspectRatio="none">${content}</svg>`
}

async function drawLines(panel: DrawnPanel, moment: Moment): Promise<string> {
  const found = (await askRange(panel, moment)).filter(({ values = [] }) => values.length > 0)
  if (found.length === 0) return ''
  const numbers = found.flatMap(({ values = [] }) => values.map(([, value]) => Number(value)))
  const max = Math.max(...numbers.filter(Number.isFinite)) || 1
  const paths = found.map(({ values = [] }, i) => {
    const points = values
      .filter(([, value]) => Number.isFinite(Number(value)))
      .map(
        ([time, value]) => `${x(time, moment).toFixed(1)},${(190 - (180 * Number(value)) / max).toFixed(1)}`,
      )
    return `<polyline fill="none" vector-effect="non-scaling-stroke" stroke-width="1.6" stroke="${colours[i % colours.length]}" points="${points.join(' ')}"/>`
  })
  const legend = found.map(
    ({ name }, i) => `<span style="color:${colours[i % colours.length]}">■ ${escapeText(name)}</span>`,
  )
  const axis = `<footer>0 to ${format(max, unitOf(panel))}&emsp;${legend.join('')}</footer>`
  return `${svg(200, paths.join(''))}${axis}`
}

async function drawStates(panel: DrawnPanel, moment: Moment): Promise<string> {
  const found = await askRange(panel, moment)
  const size = 200 / Math.max(1, found.length)
  const rows = found.map(({ name, values = [] }, i) => {
    const cells = values.map(([time, value]) => {
      const colour = tileColours[mappingOf(panel, Number(value))?.color ?? ''] ?? '#ccc'
      return `<rect x="${x(time, moment)}" y="${i * size + 2}" width="${x(time + 0.55, moment) - x(time, moment)}" height="${size - 4}" fill="${colour}"/>`
    })
    return `<text x="0" y="${i * size + size / 2 + 5}" font-size="14">${escapeText(name)}</text>${cells.join('')}`
  })
  return svg(200, rows.join(''))
}

async function drawHeat(panel: DrawnPanel, moment: Moment): Promise<string> {
  const found = await askRange(panel, moment)
  const [low, high] = [Math.log(1e-4), Math.log(10)]
  const y = (seconds: number) => 195 - (190 * (Math.log(Math.max(1e-4, seconds)) - low)) / (high - low)
  const cells = found.flatMap(({ histograms = [] }) =>
    histograms.flatMap(([time, { buckets = [] }]) =>
      buckets.map(([, from, to, count]) => {
        const [top, bottom] = [y(Number(to)), y(Number(from))]
        return `<rect x="${x(time, moment)}" y="${top}" width="${x(time + 0.55, moment) - x(time, moment)}" height="${Math.max(1, bottom - top)}" fill="#e0803a" opacity="${Math.min(1, 0.15 + Number(count))}"/>`
      }),
    ),
  )
  return cells.length === 0 ? '' : `${svg(200, cells.join(''))}<footer>0.1 ms to 10 s</footer>`
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
