/** The config room: a YAML file or the environment becomes a frozen `Config`, or problems with their places. */
export { type LoadedFile, loadFile } from './file.ts'
export { configJsonSchema } from './json-schema.ts'
export { type Config, type Loaded, type LoadOptions, loadConfig, maxDependencies } from './load.ts'
export { formatProblem, type Problem } from './problem.ts'
export {
  type HistogramSettings,
  metricsPathProblem,
  type ServerSettings,
} from './sections.ts'
export { stampOf } from './text.ts'
export type { NamedFile, Stamped } from './twins.ts'
