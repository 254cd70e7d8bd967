/** Small charts as numbers and SVG paths. Runs on the server and in the browser. */
import { duration, span } from './words.js'

/** Checks that fit into the chart. */
export const slots = 60
export const sparkWidth = 2 * slots
export const sparkHeight = 20

/**
 * Draws one bar for each check, with the newest at the right. The height of a success is the square root of its time, so
 * that a slow one does not flatten the others. Failures have the full height, which no success reaches.
 *
 * @param {readonly number[]} recent milliseconds; negative: failed
 * @returns {{ good: string, bad: string }} two paths
 */
export function sparkline(recent) {
  const most = Math.sqrt(recent.reduce((max, ms) => Math.max(max, ms), 1))
  const paths = { good: '', bad: '' }
  for (const [i, ms] of recent.slice(-slots).entries()) {
    const x = 2 * (slots - Math.min(recent.length, slots) + i) + 0.5
    if (ms < 0) paths.bad += `M${x} 20v-20`
    else paths.good += `M${x} 20v-${(2 + (11 * Math.sqrt(ms)) / most).toFixed(1)}`
  }
  return paths
}

/**
 * Describes the chart in words.
 *
 * @param {readonly number[]} recent
 * @param {number | undefined} sinceMs how long ago the first of them was
 */
export function sparkWords(recent, sinceMs) {
  if (recent.length === 0) return 'no checks yet'
  const good = recent.filter(ms => ms >= 0).sort((a, b) => a - b)
  const failed = recent.length - good.length
  const median = good[Math.floor(good.length / 2)]
  const times =
    median === undefined ? '' : `, median ${duration(median)}, slowest ${duration(good.at(-1) ?? 0)}`
  const count = recent.length === 1 ? '1 check' : `${recent.length} checks`
  return `${count}${sinceMs === undefined ? '' : ` in ${span(sinceMs)}`}: ${failed} failed${times}`
}

/**
 * Returns the phases of a check as parts of a bar of width 100.
 *
 * @param {Readonly<Record<string, number>>} seconds by phase
 * @param {readonly string[]} order
 */
export function phaseBar(seconds, order) {
  const total = Object.values(seconds).reduce((sum, each) => sum + each, 0) || 1
  let x = 0
  return order.map(phase => {
    const width = (100 * (seconds[phase] ?? 0)) / total
    x += width
    return { phase, x: x - width, width, seconds: seconds[phase] }
  })
}
