/** What all dashboards have around their panels: variables, annotations, links. */
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { datasource } from './panels.ts'
import { recorded, self } from './queries.ts'

const tag = 'pulsecheck'

/** An empty dashboard. @param uid is part of links and never changes. */
export function frame(uid: string, title: string, description: string): dashboard.DashboardBuilder {
  return new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .readonly()
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .timezone('browser')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .links([
      new dashboard.DashboardLinkBuilder('Pulsecheck')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([tag])
        .includeVars(true)
        .keepTime(true),
    ])
    .withVariable(
      new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    )
    .withVariable(several('job', 'Job', 'label_values(pulsecheck_build_info, job)'))
    .withVariable(
      several('instance', 'Instance', 'label_values(pulsecheck_build_info{job=~"$job"}, instance)'),
    )
    .annotation(reloads)
}

const reloads = new dashboard.AnnotationQueryBuilder()
  .name('Reloads')
  .datasource(datasource)
  .enable(true)
  .iconColor('blue')
  .expr(`changes(pulsecheck_config_last_reload_success_timestamp_seconds{${self}}[$__rate_interval]) > 0`)
  .titleFormat('Configuration reloaded')
  .textFormat('{{instance}}')

const transitions = new dashboard.AnnotationQueryBuilder()
  .name('Transitions')
  .datasource(datasource)
  .enable(true)
  .iconColor('orange')
  .expr(`changes(dependency:dependency_up:max{${recorded}}[$__rate_interval]) > 0`)
  .titleFormat('Status changed')
  .textFormat('{{dependency}}')

/** Adds the variables that choose dependencies, by kind and by any label of your own. */
export function choosing(
  builder: dashboard.DashboardBuilder,
  dependencies: 'one' | 'several',
): dashboard.DashboardBuilder {
  const within = 'job=~"$job", instance=~"$instance", kind=~"$kind"'
  const query = `label_values(dependency_info{${within}, $label=~"$value"}, dependency)`
  return builder
    .withVariable(
      several('kind', 'Kind', `label_values(dependency_info{job=~"$job", instance=~"$instance"}, kind)`),
    )
    .withVariable(
      variable('label', 'Label', 'label_names(dependency_info)')
        .description('Any label of dependencies, also of your own, such as team')
        // Whoever has no labels of their own chooses by name.
        .regex('/^(?!__name__$|job$|instance$|kind$|target$).*/'),
    )
    .withVariable(several('value', 'Value', `label_values(dependency_info{${within}}, $label)`))
    .withVariable(
      dependencies === 'one'
        ? variable('dependency', 'Dependency', query)
        : several('dependency', 'Dependency', query, false),
    )
    .annotation(transitions)
}

function variable(name: string, label: string, query: string): dashboard.QueryVariableBuilder {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
}

/** @param allValue false for a choice of all that are listed, which other variables may have narrowed. */
function several(
  name: string,
  label: string,
  query: string,
  allValue: string | false = name === 'value' ? '.*' : '.+',
): dashboard.QueryVariableBuilder {
  const builder = variable(name, label, query)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] })
  return allValue === false ? builder : builder.allValue(allValue)
}
