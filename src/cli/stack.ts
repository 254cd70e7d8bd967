/** Stack traces of the program as it is shipped, in places of its sources. */
import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'

/** A file with a line and a column, both counted from 1, as V8 writes them. */
const place = /(?:file:\/\/)?(\/[^\s():]+\.c?js):(\d+):(\d+)/g

/** The stack with every place that a source map beside its file knows named as in the sources. */
export function readableStack(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const maps = new Map<string, SourceMap | undefined>()
  return stack.replace(place, (unchanged, file: string, line: string, column: string) => {
    if (!maps.has(file)) maps.set(file, readMap(file))
    const origin = maps.get(file)?.findOrigin(Number(line), Number(column))
    if (origin === undefined || !('fileName' in origin)) return unchanged
    return `${origin.fileName.replace(/^(\.\.\/)+/, '')}:${origin.lineNumber}:${origin.columnNumber}`
  })
}

function readMap(file: string): SourceMap | undefined {
  const map = `${file}.map`
  return existsSync(map) ? new SourceMap(JSON.parse(readFileSync(map, 'utf8'))) : undefined
}
