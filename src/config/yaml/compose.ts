/** From the text of a YAML file to its one document, through a gate that bounds nesting and size. */
import { Composer, CST, type Document, type ErrorCode, Lexer, Parser } from 'yaml'
import type { Words } from '../problem.ts'

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
interface Lines {
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
const maxWords = 250_000

type Tokens =
  | { readonly ok: true; readonly tokens: readonly CST.Token[] }
  | { readonly ok: false; readonly offset: number; readonly message: string }

/**
 * The gate before the library builds anything: the top-level tokens of a text, or the place where it exceeds the bounds.
 * The library's composer recurses, so deep nesting would end the process, uncatchably, and a flood of mistakes would cost
 * seconds. Its lexer and its parser do not recurse; they are stepped by hand and stopped at the first excess.
 */
function tokenize(text: string): Tokens {
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

const quote = 'put the value in quotes'

/** In our own words: the library's quote the text, and the text may be a password. */
const words: Readonly<Record<ErrorCode, Words>> = {
  ALIAS_PROPS: { message: 'an alias takes neither an anchor nor a tag' },
  BAD_ALIAS: {
    message: 'alias without an anchor before it',
    hint: 'put a value that begins with * in quotes',
  },
  BAD_COLLECTION_TYPE: { message: 'tags are not supported' },
  BAD_DIRECTIVE: { message: 'directives are not supported', hint: 'leave out lines that begin with %' },
  BAD_DQ_ESCAPE: {
    message: 'unknown escape in double quotes',
    hint: 'write \\\\ for a backslash, or use single quotes',
  },
  BAD_INDENT: { message: 'wrong indentation', hint: 'keys of one map begin in the same column' },
  BAD_PROP_ORDER: { message: 'anchor in the wrong place' },
  BAD_SCALAR_START: { message: 'a plain value cannot begin with this character', hint: quote },
  BLOCK_AS_IMPLICIT_KEY: { message: 'a nested map cannot begin here', hint: `${quote} if it holds ": "` },
  BLOCK_IN_FLOW: { message: 'no block style within [ ] or { }', hint: quote },
  DUPLICATE_KEY: { message: 'duplicate key' },
  IMPOSSIBLE: { message: 'not readable as YAML' },
  KEY_OVER_1024_CHARS: { message: 'a key of more than 1024 characters' },
  MISSING_CHAR: {
    message: 'something is missing: a closing quote, a closing bracket, a comma or a colon',
    hint: 'what is not closed may begin on a line above',
  },
  MULTILINE_IMPLICIT_KEY: { message: 'a key must be on one line and end in a colon' },
  MULTIPLE_ANCHORS: { message: 'more than one anchor' },
  MULTIPLE_DOCS: { message: 'more than one document', hint: 'keep one, and leave out the line ---' },
  MULTIPLE_TAGS: { message: 'tags are not supported' },
  NON_STRING_KEY: { message: 'a key must be text', hint: 'put it in quotes' },
  RESOURCE_EXHAUSTION: { message: 'nested too deep' },
  TAB_AS_INDENT: { message: 'a tab cannot indent', hint: 'indent with spaces' },
  TAG_RESOLVE_FAILED: { message: 'tags are not supported', hint: 'put a value that begins with ! in quotes' },
  UNEXPECTED_TOKEN: { message: 'unexpected text', hint: `${quote} if it is one` },
}

/**
 * What to say of a mistake that the YAML library found.
 *
 * @param line the line on which it was found: the commonest cause is a `${VAR}` within `[ ]` or `{ }`.
 */
function syntaxWords(code: ErrorCode, line: string): Words {
  const known = words[code]
  return isReferenceInFlow(line) ? { ...known, hint: `within [ ] or { }, put "\${VAR}" in quotes` } : known
}

/** In linear time, since a line may be a whole file. */
function isReferenceInFlow(line: string): boolean {
  const flow = line.search(/[[{,]/)
  return flow !== -1 && line.includes('${', flow + 1)
}
