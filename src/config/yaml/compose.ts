/** From the text of a YAML file to its one document, through a gate that bounds nesting and size. */
import { Composer, CST, type Document, Lexer, Parser } from 'yaml'
import { syntaxWords, type Words } from './syntax.ts'

/** Further syntax errors usually follow from the first ones. */
const maxSyntaxProblems = 20

/**
 * YAML 1.2, whatever the file says. The library compares every key with every other to find duplicates, which takes
 * minutes at 100,000 keys, so the reader looks for them itself.
 */
const options = {
  version: '1.2',
  schema: 'core',
  merge: false,
  uniqueKeys: false,
  resolveKnownTags: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const

/** The document, or undefined after its syntax errors have been reported, one for each line. */
export function compose(
  text: string,
  lines: Lines,
  report: (offset: number, words: Words) => void,
): Document.Parsed | undefined {
  const gate = tokenize(text)
  if (!gate.ok) return void report(gate.offset, { message: gate.message })
  const directive = gate.tokens.find(token => token.type === 'directive')
  if (directive !== undefined) return void report(directive.offset, syntaxWords('BAD_DIRECTIVE', ''))
  const [document, second] = new Composer(options).compose(gate.tokens, true, text.length)
  const faults = [...(document?.errors ?? []), ...(document?.warnings ?? [])].slice(0, maxSyntaxProblems)
  const firstOfLine = new Map(faults.toReversed().map(fault => [lines.at(fault.pos[0]).line, fault]))
  for (const { code, pos } of firstOfLine.values()) report(pos[0], syntaxWords(code, lines.textAt(pos[0])))
  if (faults.length > 0) return undefined
  return second === undefined ? document : void report(second.range[0], syntaxWords('MULTIPLE_DOCS', ''))
}

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

/** Levels of nesting, in flow and block style together. */
export const maxDepth = 100

/** Words and punctuation marks of a file. A mebibyte of ordinary configuration has some 200,000. */
export const maxWords = 250_000

export type Tokens =
  | { readonly ok: true; readonly tokens: readonly CST.Token[] }
  | { readonly ok: false; readonly offset: number; readonly message: string }

/**
 * The gate before the library builds anything: the top-level tokens of a text, or the place where it exceeds the bounds.
 * The library's composer recurses, so deep nesting would end the process, uncatchably, and a flood of mistakes would cost
 * seconds. Its lexer and its parser do not recurse; they are stepped by hand and stopped at the first excess.
 */
export function tokenize(text: string): Tokens {
  const parser = new Parser()
  const tokens: CST.Token[] = []
  const refuse = (message: string): Tokens => ({ ok: false, offset: parser.offset, message })
  let words = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (!blank.has(CST.tokenType(lexeme)) && ++words > maxWords)
      return refuse(`more than ${maxWords} words and signs`)
    for (const token of parser.next(lexeme)) tokens.push(token)
    if (depth(parser.stack) > maxDepth) return refuse(`nested more than ${maxDepth} levels deep`)
  }
  for (const token of parser.end()) tokens.push(token)
  return { ok: true, tokens }
}

/** Here, `scalar` is the marker before a plain scalar, not the scalar itself. */
const blank: ReadonlySet<CST.TokenType | null> = new Set([
  'space',
  'newline',
  'comment',
  'scalar',
  'doc-mode',
] as const)

function depth(stack: readonly CST.Token[]): number {
  if (stack.length <= maxDepth) return 0
  return stack.filter(
    ({ type }) => type === 'block-map' || type === 'block-seq' || type === 'flow-collection',
  ).length
}
