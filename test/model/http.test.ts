import { expect, test } from 'vitest'
import { chooseOffer } from '../../src/model/http.ts'

const offers = [{ type: 'application/json' }, { type: 'text/plain' }]

test.each([
  [undefined, 0],
  ['', 0],
  ['*/*', 0],
  ['text/plain', 1],
  ['TEXT/PLAIN; charset=utf-8', 1],
  ['text/*', 1],
  ['text/html, */*;q=0.8', 0],
  ['text/plain, application/json', 0],
  ['text/plain, application/json;q=0.9', 1],
  ['application/json;q=0.1, text/plain;q=0.2', 1],
  ['application/json;q=0, */*', 1],
  ['image/png', 0],
  ['text/plain;q=2', 0],
  ['text/plain;q=NaN, application/json;q=0.1', 0],
  [',;=,,;q=,', 0],
])('%s', (accept, index) => {
  expect(chooseOffer(accept, offers)).toBe(index)
})
