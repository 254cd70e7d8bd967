import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // A second try is for continuous integration alone, and never silent: scripts/summary.ts names every test that needs it.
    retry: process.env.CI ? 1 : 0,
  },
})
