/** The sections of a config file. */
import { z } from 'zod'
import { settings } from '../model/settings.ts'
import { histogramSchema, maxConcurrentChecks, serverSchema } from './server.ts'

/** The file but for the inside of `dependencies`, which depends on the kinds. */
export const sections = z.strictObject({
  defaults: settings.optional().describe('Keys that every dependency has where it does not set them itself.'),
  dependencies: z
    .record(z.string(), z.unknown())
    .describe('What to check: a name for each, and a URL or its keys.'),
  maxConcurrentChecks,
  histogram: histogramSchema.prefault({}).describe('Buckets of the duration histogram.'),
  server: serverSchema.prefault({}).describe('Where and to whom the exporter answers.'),
})
