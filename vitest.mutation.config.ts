/** The tests of one room, for mutation tests. scripts/mutation.ts names them. */
import { defineConfig } from 'vitest/config'

const named = (process.env.MUTATION_TESTS ?? '').split(',')

export default defineConfig({
  test: {
    include: named.filter(pattern => !pattern.startsWith('!')),
    exclude: named.filter(pattern => pattern.startsWith('!')).map(pattern => pattern.slice(1)),
    // Stryker itself ends a test that a change makes hang. Its instruments can slow a large scrape down tenfold.
    testTimeout: 60_000,
  },
})
