/** Lines and columns of the offsets of a text, both counted from 1. */
export interface Lines {
  /** An offset beyond the text counts as its end. */
  at(offset: number): { readonly line: number; readonly column: number }
  /** The text of the line that holds an offset. */
  textAt(offset: number): string
}

/** The library's own counter loses lines when it recovers from a mistake, which is just when places matter. */
export function linesOf(text: string): Lines {
  const starts = [0]
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts.push(i + 1)
  const start = (line: number): number => starts[line - 1] ?? text.length

  function lineOf(offset: number): number {
    let [low, high] = [1, starts.length]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (start(middle) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  return {
    at(offset) {
      const line = lineOf(offset)
      return { line, column: Math.min(offset, text.length) - start(line) + 1 }
    },
    textAt(offset) {
      const line = lineOf(offset)
      return text.slice(start(line), start(line + 1)).trimEnd()
    },
  }
}
