import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Real servers on a shared machine: a test that passes at its second try is shown as such, and does not stop a landing.
    retry: process.env.CI ? 2 : 0,
  },
})
