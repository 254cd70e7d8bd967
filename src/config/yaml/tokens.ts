/**
 * The gate before the YAML library builds anything. Its composer recurses: deep nesting ends the whole process,
 * uncatchably, and a flood of mistakes costs seconds. Its lexer and its parser do not, so they are stepped by hand
 * and stopped at the first excess.
 */
import { CST, Lexer, Parser } from 'yaml'

/** Levels of nesting, in flow and block style together. */
export const maxDepth = 100

/** Words and signs of a file. A full mebibyte of ordinary configuration has some 200,000. */
export const maxWords = 250_000

export type Tokens =
  | { readonly ok: true; readonly tokens: readonly CST.Token[] }
  | { readonly ok: false; readonly offset: number; readonly message: string }

/** The top-level tokens of a text, or the place where it goes beyond the bounds. */
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

/** `scalar` is the mark before a plain scalar, not the scalar. */
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
