import { describe, expect, test } from 'vitest'
import { acceptsGzip, chooseFormat } from '../../src/exposition/negotiation.ts'

const protobuf = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
const prometheus242 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const prometheus35 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'

describe('Accept', () => {
  test.each([
    ['nothing', undefined, 'text'],
    ['an empty header', '', 'text'],
    ['curl', '*/*', 'text'],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
    ['Prometheus 2.42', prometheus242, 'openMetrics'],
    [
      'Prometheus 2.42 with native histograms',
      `${protobuf},${prometheus242.replace('1.0.0', '1.0.0;q=0.8')}`,
      'protobuf',
    ],
    ['Prometheus 3.5', prometheus35, 'openMetrics'],
    [
      'Prometheus 3.5 with native histograms',
      `${protobuf};escaping=allow-utf-8;q=0.7,${prometheus35}`,
      'protobuf',
    ],
    [
      'an old Prometheus that knows OpenMetrics 0.0.1 alone',
      'application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'text',
    ],
    ['OpenMetrics without a version', 'application/openmetrics-text', 'openMetrics'],
    ['a quoted version', 'application/openmetrics-text; version="1.0.0"', 'openMetrics'],
    ['other letters', 'Application/OpenMetrics-Text; Version=1.0.0', 'openMetrics'],
    ['a version that we do not speak', 'application/openmetrics-text;version=2.0.0', 'text'],
    ['text 1.0.0 alone', 'text/plain;version=1.0.0', 'text'],
    ['protobuf without parameters', 'application/vnd.google.protobuf', 'text'],
    ['protobuf in another encoding', protobuf.replace('delimited', 'compact-text'), 'text'],
    ['q below', 'application/openmetrics-text;q=0.4,text/plain;q=0.5', 'text'],
    ['q above', 'text/plain;q=0.4,application/openmetrics-text;q=0.5', 'openMetrics'],
    ['equal q: the first named', 'application/openmetrics-text,text/plain', 'openMetrics'],
    ['equal q: the other first', 'text/plain,application/openmetrics-text', 'text'],
    ['equal q: named before wildcard', '*/*,application/openmetrics-text', 'openMetrics'],
    ['q=0 takes one away', 'text/plain;q=0,*/*', 'openMetrics'],
    [
      'q=0 against a wildcard',
      'application/openmetrics-text;q=0,application/*;q=0.9,text/plain;q=0.1',
      'protobuf',
    ],
    ['a subtype wildcard', 'text/*', 'text'],
    ['a wildcard above a named one', 'text/plain;q=0.1,*/*;q=0.9', 'openMetrics'],
    ['nothing of ours', 'application/json', 'text'],
    ['all refused', '*/*;q=0', 'text'],
    ['one refused, and the others not named', 'application/openmetrics-text;q=0', 'text'],
    [
      'text of a version that we do not speak, beside one that we do',
      'text/plain;version=1.0.0,application/openmetrics-text;q=0.1',
      'openMetrics',
    ],
    ['q out of range is no word', 'application/openmetrics-text;q=7,text/plain;q=0.1', 'text'],
    ['q that is no number is no word', 'application/openmetrics-text;q=x,text/plain;q=0.1', 'text'],
    ['junk', ';;,=,"",q=1,/,\u0000,application/openmetrics-text;;=;q=0.5;,', 'openMetrics'],
    ['a name of every object', '__proto__,constructor;q=1', 'text'],
  ])('%s', (_, accept, expected) => {
    expect(chooseFormat(accept)).toBe(expected)
  })
})

describe('Accept-Encoding', () => {
  test.each([
    [undefined, false],
    ['', false],
    ['gzip', true],
    ['GZIP', true],
    ['x-gzip', true],
    ['deflate, gzip;q=1.0, *;q=0.5', true],
    ['gzip;q=0', false],
    ['gzip;q=0.000', false],
    ['gzip;q=0, *', false],
    ['*', true],
    ['*;q=0', false],
    ['br', false],
    ['identity', false],
    ['gzip;q=0.5, identity', false],
    ['gzip, identity', true],
    ['gzip;q=0.001', true],
    ['gzip;q=nonsense', false],
    ['zgzip', false],
  ])('%j: %s', (acceptEncoding, expected) => {
    expect(acceptsGzip(acceptEncoding)).toBe(expected)
  })
})
