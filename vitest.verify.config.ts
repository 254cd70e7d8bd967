import { defineConfig } from 'vitest/config'

/** Checks against programs that are too heavy for every run of the tests: `npm run verify:<name>`. */
export default defineConfig({
  test: { include: ['test/**/*.verify.ts'], testTimeout: 60_000, hookTimeout: 120_000 },
})
