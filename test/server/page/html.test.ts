import { expect, test } from 'vitest'
import { html, render } from '../../../src/server/page/html.ts'

test('values are escaped, in texts and in attributes', () => {
  const hostile = `<script>alert('1')</script>&"\u0000\u001b[31m`
  expect(render(html`<p title="${hostile}">${hostile} ${7}</p>`)).toBe(
    '<p title="&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\u{fffd}\u{fffd}[31m">' +
      '&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\u{fffd}\u{fffd}[31m 7</p>',
  )
})

test('markup goes in as it is, alone and in lists, and only what html made is markup', () => {
  const items = ['a', '<b>'].map(text => html`<li>${text}</li>`)
  expect(render(html`<ul>${items}${html`<li>c</li>`}</ul>`)).toBe(
    '<ul><li>a</li><li>&lt;b&gt;</li><li>c</li></ul>',
  )
  const forged = JSON.parse('{"made by html": "<script>"}')
  expect(() => render(html`${forged}`)).toThrow(TypeError)
})
