/** Durations as Prometheus writes them. It imports nothing: the command line reads them before all else. */

const units = { y: 31_536_000_000, w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
const grammar = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/**
 * Milliseconds of a Prometheus duration (`500ms`, `15s`, `1m30s`, `0`), or undefined if it is none. Largest unit
 * first, each at most once, whole numbers: the grammar of Prometheus' configuration page.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = grammar.exec(text)
  if (text === '' || parts === null) return undefined
  return Object.values(units).reduce((sum, unit, i) => sum + unit * Number(parts[i + 1] ?? 0), 0)
}

/** The shortest Prometheus duration of whole milliseconds: `90000` is `1m30s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  const steps = Object.entries(units).filter(([unit]) => unit !== 'y' && unit !== 'w')
  let rest = Math.round(ms)
  const parts = steps.map(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return count === 0 ? '' : `${count}${unit}`
  })
  return parts.join('')
}
