/**
 * Mistakes in the YAML itself, in our own words: the library's words quote the text, and the text may be a password.
 */
import type { ErrorCode } from 'yaml'

/** What is wrong, and what to do about it. */
export interface Words {
  readonly message: string
  readonly hint?: string | undefined
}

const quote = 'put the value in quotes'
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
export function syntaxWords(code: ErrorCode, line: string): Words {
  const known = words[code]
  return isReferenceInFlow(line) ? { ...known, hint: `within [ ] or { }, put "\${VAR}" in quotes` } : known
}

/** In linear time, since a line may be a whole file. */
function isReferenceInFlow(line: string): boolean {
  const flow = line.search(/[[{,]/)
  return flow !== -1 && line.includes('${', flow + 1)
}
