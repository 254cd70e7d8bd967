import { expect, test } from 'vitest'
import { createExposition } from '../../src/exposition/exposition.ts'
import type { Family } from '../../src/exposition/family.ts'
import { createHistogram } from '../../src/exposition/histogram.ts'
import { lagBuckets, selfFamilies, version } from '../../src/views/self.ts'
import { type Reloads, reloadFamilies } from '../../src/views/service.ts'

const lagHistogram = createHistogram({ buckets: lagBuckets, createdSeconds: 1 })
lagHistogram.observe(0.002)

/** The samples of a scrape, without HELP and TYPE. */
async function samplesOf<Facts>(
  families: readonly Family<Facts>[],
  facts: Facts,
): Promise<readonly string[]> {
  const exposition = createExposition({
    onError: error => {
      throw error
    },
  })
  exposition.group(families).set('', facts)
  const { body } = await exposition.respond(undefined, 'identity')
  return String(body)
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
}

const lag = [
  'pulsecheck_scheduler_lag_seconds_bucket{le="0.001"} 0',
  ...['0.0025', '0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '+Inf'].map(
    le => `pulsecheck_scheduler_lag_seconds_bucket{le="${le}"} 1`,
  ),
  'pulsecheck_scheduler_lag_seconds_sum 0.002',
  'pulsecheck_scheduler_lag_seconds_count 1',
]

test('a monitor says whether it is ready, what runs it and what it has in flight', async () => {
  const facts = {
    ready: false,
    checksInFlight: 7,
    schedulerLag: lagHistogram.value(),
    build: { version: '1.2.3', nodeVersion: 'v24.0.0' },
  }
  expect(await samplesOf(selfFamilies, facts)).toEqual([
    'pulsecheck_ready 0',
    'pulsecheck_build_info{version="1.2.3",nodeversion="v24.0.0"} 1',
    ...lag,
    'pulsecheck_checks_in_flight 7',
  ])
})

test('the version is that of the package', () => {
  expect(version()).toMatch(/^\d+\.\d+\.\d+/)
})

const reloads: Reloads = {
  config: { successful: false, successAt: 1_500_000_000_250 },
  failures: { invalid: 3, truncated: 2 },
  unusableFiles: 4,
  web: { successful: true, successAt: 1_600_000_000_500 },
  shard: { index: 2, total: 4 },
}

test('a service shows how the last reloads went, and when one last went well', async () => {
  expect(await samplesOf(reloadFamilies, reloads)).toEqual([
    'pulsecheck_shards{shard="2"} 4',
    'pulsecheck_config_last_reload_successful 0',
    'pulsecheck_config_last_reload_success_timestamp_seconds 1500000000.25',
    'pulsecheck_web_config_last_reload_successful 1',
    'pulsecheck_web_config_last_reload_success_timestamp_seconds 1600000000.5',
    'pulsecheck_config_reload_failures_total{cause="invalid"} 3',
    'pulsecheck_config_reload_failures_total{cause="truncated"} 2',
    'pulsecheck_secret_files_unusable 4',
  ])
})

test('a service that is not a shard shows nothing of one', async () => {
  const samples = await samplesOf(reloadFamilies, { ...reloads, shard: undefined })
  expect(samples.filter(sample => sample.includes('shard'))).toEqual([])
})

test('a service without a web config file shows nothing of one', async () => {
  const samples = await samplesOf(reloadFamilies, { ...reloads, web: undefined })
  expect(samples.filter(sample => sample.includes('web_config'))).toEqual([])
})
