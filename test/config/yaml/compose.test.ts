import { expect, test } from 'vitest'
import { linesOf } from '../../../src/config/yaml/compose.ts'

test.each([
  ['', 0, [1, 1, '']],
  ['ab', 1, [1, 2, 'ab']],
  ['ab', 9, [1, 3, 'ab']],
  ['a\nbc\n', 1, [1, 2, 'a']],
  ['a\nbc\n', 2, [2, 1, 'bc']],
  ['a\nbc\n', 5, [3, 1, '']],
  ['a\r\nb', 3, [2, 1, 'b']],
  ['\n\n\nx', 3, [4, 1, 'x']],
])('of %j, offset %d', (text, offset, expected) => {
  const lines = linesOf(text)
  const { line, column } = lines.at(offset)
  expect([line, column, lines.textAt(offset)]).toEqual(expected)
})
