/** The files that the page loads: read once, served as they are. */
import { readFileSync } from 'node:fs'
import { type Answer, answer } from '../http/answer.ts'

const folder = new URL('./browser/', import.meta.url)
const scripts = ['main', 'table', 'view', 'feed', 'present', 'order', 'spark', 'words']

/** The picture in the browser's tab: shape and colour tell the status apart. `silent` is for a page without answers. */
const icons = {
  ok: '<circle cx="8" cy="8" r="6" fill="#1f883d"/>',
  degraded: '<path d="M8 1l7 7-7 7-7-7z" fill="#bf8700"/>',
  unavailable: '<path d="M8 1l7 13H1z" fill="#d1242f"/>',
  silent:
    '<circle cx="8" cy="8" r="5.5" fill="none" stroke="#848d97" stroke-width="2.5" stroke-dasharray="3 2"/>',
} as const

/** By the name of the file. */
export function pageAssets(): ReadonlyMap<string, Answer> {
  const file = (name: string, type: string) =>
    [name, answer(200, type, readFileSync(new URL(name, folder), 'utf8'))] as const
  const icon = ([name, shape]: readonly [string, string]) => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${shape}</svg>\n`
    return [`${name}.svg`, answer(200, 'image/svg+xml', svg)] as const
  }
  return new Map([
    ...scripts.map(name => file(`${name}.js`, 'text/javascript; charset=utf-8')),
    file('page.css', 'text/css; charset=utf-8'),
    ...Object.entries(icons).map(icon),
  ])
}
