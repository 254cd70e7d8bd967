/** Panels as all dashboards draw them. Each has a title, a description and a unit. */
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge'
import * as common from '@grafana/grafana-foundation-sdk/common'
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'
import * as stat from '@grafana/grafana-foundation-sdk/stat'
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline'
import * as table from '@grafana/grafana-foundation-sdk/table'
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'

export const datasource = { type: 'prometheus', uid: '$' + '{datasource}' }

/** What every panel says of itself. */
export interface About {
  readonly title: string
  readonly description: string
  readonly unit: string
  /** Of 24 columns. */
  readonly width: number
  /** In rows of about 30 pixels. Default 8. */
  readonly height?: number
}

/** Legends by query. */
export type Queries = Readonly<Record<string, string>>

interface PanelBuilder<This> {
  title(title: string): This
  description(description: string): This
  unit(unit: string): This
  span(columns: number): This
  height(rows: number): This
  datasource(source: typeof datasource): This
}

function about<Builder extends PanelBuilder<Builder>>(builder: Builder, about: About): Builder {
  const { title, description, unit, width, height = 8 } = about
  return builder
    .title(title)
    .description(description)
    .unit(unit)
    .span(width)
    .height(height)
    .datasource(datasource)
}

function query(expr: string, legend: string, refId: string): prometheus.DataqueryBuilder {
  return new prometheus.DataqueryBuilder()
    .datasource(datasource)
    .expr(expr)
    .legendFormat(legend)
    .refId(refId)
    .editorMode(prometheus.QueryEditorMode.Code)
}

const refIds = 'ABCDEFGH'

function ranges(queries: Queries): prometheus.DataqueryBuilder[] {
  return Object.entries(queries).map(([expr, legend], i) => query(expr, legend, refIds[i] ?? '').range())
}

function instants(queries: Queries): prometheus.DataqueryBuilder[] {
  return Object.entries(queries).map(([expr, legend], i) => query(expr, legend, refIds[i] ?? '').instant())
}

export interface LineOptions {
  readonly stacked?: boolean
  readonly exemplars?: boolean
  /** Largest value that the axis shows at least. */
  readonly softMax?: number
}

/** Lines over time. */
export function lines(what: About, queries: Queries, options: LineOptions = {}): timeseries.PanelBuilder {
  const { stacked = false, exemplars = false, softMax } = options
  const targets = ranges(queries).map(target => (exemplars ? target.exemplar(true) : target))
  const panel = about(new timeseries.PanelBuilder(), what)
    .targets(targets)
    .min(0)
    .fillOpacity(stacked ? 30 : 8)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    )
  if (softMax !== undefined) panel.axisSoftMax(softMax)
  return stacked ? panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal)) : panel
}

/** Colours by value: each from its number on. */
export type Steps = readonly (readonly [from: number | null, color: string])[]

function thresholds(steps: Steps): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(steps.map(([value, color]) => ({ value, color })))
}

/** What a number is called, and its colour. */
export type Names = Readonly<Record<string, readonly [text: string, color: string]>>

export const upOrDown: Names = { 1: ['up', 'green'], 0: ['down', 'red'] }

function named(names: Names): dashboard.ValueMapping[] {
  const options = Object.entries(names).map(([value, [text, color]], index) => [
    value,
    { text, color, index },
  ])
  return [{ type: dashboard.MappingType.ValueToText, options: Object.fromEntries(options) }]
}

/** Numbers of now, large. */
export function numbers(
  what: About,
  queries: Queries,
  { steps = [[null, 'text']], names = {} }: { readonly steps?: Steps; readonly names?: Names } = {},
): stat.PanelBuilder {
  return about(new stat.PanelBuilder(), what)
    .targets(instants(queries))
    .thresholds(thresholds(steps))
    .mappings(named(names))
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .colorMode(common.BigValueColorMode.Background)
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.ValueAndName)
    .noValue('–')
}

/** Bars of now, longest first where the query sorts. */
export function bars(what: About, queries: Queries, steps: Steps): bargauge.PanelBuilder {
  return about(new bargauge.PanelBuilder(), what)
    .targets(instants(queries))
    .thresholds(thresholds(steps))
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .min(0)
    .decimals(0)
    .noValue('none')
}

/** States over time, a row a series. */
export function timeline(what: About, queries: Queries, names: Names = upOrDown): statetimeline.PanelBuilder {
  return about(new statetimeline.PanelBuilder(), what)
    .targets(ranges(queries))
    .mappings(named(names))
    .thresholds(thresholds([[null, 'text']]))
    .mergeValues(true)
    .showValue(common.VisibilityMode.Never)
    .rowHeight(0.8)
    .fillOpacity(80)
}

/** Durations over time as a heat map. */
export function heat(what: About, expr: string): heatmap.PanelBuilder {
  const target = query(expr, '{{le}}', 'A').range().exemplar(true).format(prometheus.PromQueryFormat.Heatmap)
  return about(new heatmap.PanelBuilder(), what)
    .targets([target])
    .calculate(false)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(what.unit).min(0))
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme('Oranges')
        .steps(64)
        .exponent(0.5),
    )
    .filterValues(new heatmap.FilterValueRangeBuilder().le(1e-9))
    .cellGap(1)
}

/** A column of a table. */
export interface Column {
  /** As the query gives it: a label, or `Value #A`. */
  readonly field: string
  readonly title: string
  readonly unit?: string
  /** Where its cells lead to. */
  readonly url?: string
  readonly steps?: Steps
}

/** A table of now: a row for each set of labels, a column for each query, and only the columns that are named. */
export function rows(
  what: About,
  queries: readonly string[],
  columns: readonly Column[],
): table.PanelBuilder {
  const targets = queries.map((expr, i) =>
    query(expr, '', refIds[i] ?? '')
      .instant()
      .format(prometheus.PromQueryFormat.Table),
  )
  const fields = columns.map(({ field }) => field)
  const panel = about(new table.PanelBuilder(), what)
    .targets(targets)
    .noValue('–')
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({ id: 'filterFieldsByName', options: { include: { names: fields } } })
    .withTransformation({
      id: 'organize',
      options: {
        indexByName: Object.fromEntries(fields.map((field, i) => [field, i])),
        renameByName: Object.fromEntries(columns.map(({ field, title }) => [field, title])),
      },
    })
  for (const { title, unit, url, steps } of columns) {
    const properties: dashboard.DynamicConfigValue[] = []
    if (unit !== undefined) properties.push({ id: 'unit', value: unit })
    if (url !== undefined)
      properties.push({
        id: 'links',
        value: [{ title: `Open ${title.toLowerCase()}`, url, targetBlank: true }],
      })
    if (steps !== undefined)
      properties.push(
        { id: 'thresholds', value: thresholds(steps).build() },
        { id: 'custom.cellOptions', value: { type: 'color-text' } },
      )
    if (properties.length > 0) panel.overrideByName(title, properties)
  }
  return panel
}
