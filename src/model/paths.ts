/** The paths of all routes but that of the metrics, which is configured and may be none of these. */

/** Answers for orchestrators: names and states alone. */
export const probePaths = {
  alive: ['/healthz', '/livez', '/-/healthy'],
  ready: ['/readyz', '/-/ready'],
  started: ['/startupz'],
  readyOne: '/readyz/:dependency',
} as const

export const paths = {
  page: '/',
  events: '/-/events',
  pageFile: '/-/page/:file',
  health: '/health',
  config: '/config',
  reload: '/-/reload',
} as const

const { alive, ready, started, readyOne } = probePaths
const patterns = [...alive, ...ready, ...started, readyOne, ...Object.values(paths)].map(pattern)

/** Whether a path is that of a route, or below one that takes a name. */
export function isTaken(path: string): boolean {
  return patterns.some(taken => taken.test(path))
}

/** Whether a path without a query is that of a probe. */
export function isProbePath(path: string): boolean {
  return [...alive, ...ready, ...started].some(probe => probe === path) || path.startsWith('/readyz/')
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/:\w+$/, '.*')}$`)
}
