/**
 * The tests that mutants are tried against: those of the mutated rooms, which start no program. A test that has not
 * ended after five seconds has met a mutant that hangs.
 */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/{state,schedule,views,exposition}/**/*.test.ts'],
    // Name lookups wait for real servers, seconds for each mutant.
    exclude: ['test/schedule/resolve.test.ts'],
    testTimeout: 5_000,
  },
})
