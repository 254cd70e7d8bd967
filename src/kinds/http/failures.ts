/** The failures of kind `http`. */
import type { Failure, Failures } from '../../model/failure.ts'

const refused: Failure = [
  'auth_error',
  'The server rejects the request.',
  'Check the credentials and their rights.',
]
const mismatch: Failure = [
  'unhealthy',
  'The answer is not what `expect` asks for.',
  'Look at the answer. A captive portal or a default page causes this.',
]

export const failures = {
  http_401: refused,
  http_403: refused,
  http_407: refused,
  'http_*': [
    'unhealthy',
    'The status is not among `expect.status`.',
    'Look at the service. For a redirect such as `http_301`, set its target as `url`, or `followRedirects`.',
  ],
  header_mismatch: mismatch,
  body_mismatch: mismatch,
  json_mismatch: mismatch,
  redirect_blocked: [
    'unhealthy',
    'A redirect leads to another origin (other than from http to https on the same host), or there were more than 5.',
    'Use the final URL.',
  ],
} satisfies Failures
