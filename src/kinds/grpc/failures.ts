/** The failures of kind `grpc`, and the gRPC and HTTP statuses that cause them. */
import { CheckError } from '../../model/dependency.ts'
import type { Failure, Failures } from '../../model/failure.ts'

const refused: Failure = [
  'auth_error',
  'The server, or a proxy before it, refuses the call.',
  'Check the credentials in `metadata`, and their rights.',
]
const failed: Failure = [
  'unhealthy',
  'The call ended with this gRPC status.',
  'Look at the message and at the log of the server.',
]

export const failures = {
  NOT_SERVING: [
    'unhealthy',
    'The server says that the service is not serving.',
    'Look at the service and at what it depends on.',
  ],
  NOT_FOUND: [
    'unhealthy',
    'The server does not know the health of the service.',
    'Check `service`: it is the full name, with its package.',
  ],
  SERVICE_UNKNOWN: ['unhealthy', 'As `NOT_FOUND`, given as a serving status.', 'Check `service`.'],
  UNKNOWN: [
    'unhealthy',
    'The server does not know the status of the service, or its health check failed with an unknown error.',
    'The message says which. Look at the log of the server.',
  ],
  UNAVAILABLE: [
    'unhealthy',
    'The server, or the backend of a proxy, cannot take calls now.',
    'See whether it is starting, stopping or overloaded.',
  ],
  RESOURCE_EXHAUSTED: [
    'unhealthy',
    'The server or a proxy is out of a resource, or limits the rate of calls.',
    'Raise its limit or quota, or the `interval`.',
  ],
  CANCELLED: failed,
  INVALID_ARGUMENT: failed,
  ALREADY_EXISTS: failed,
  FAILED_PRECONDITION: failed,
  ABORTED: failed,
  OUT_OF_RANGE: failed,
  INTERNAL: failed,
  DATA_LOSS: failed,
  DEADLINE_EXCEEDED: [
    'timeout',
    'The server or a proxy gave the call up at a deadline.',
    'See whether the service is slow; look at the timeouts of proxies.',
  ],
  UNAUTHENTICATED: refused,
  PERMISSION_DENIED: refused,
  http_401: refused,
  http_403: refused,
  http_407: refused,
  'http_*': [
    'unhealthy',
    'The answer is not gRPC, but an HTTP error, usually of a proxy.',
    'Look at the proxy and its route to the service.',
  ],
  UNIMPLEMENTED: [
    'protocol_error',
    'The server speaks gRPC, but has no `grpc.health.v1.Health` service.',
    'Register the health service there; check host and port.',
  ],
  protocol_error: [
    'protocol_error',
    'What answered does not speak HTTP/2 or gRPC.',
    'Check the port, and `grpc://` against `grpcs://`.',
  ],
} satisfies Failures

export type Detail = Exclude<keyof typeof failures, 'http_*'>

/** Creates the failure of a detail, with its declared reason. */
export function failure(detail: Detail, message: string, options?: ErrorOptions): CheckError {
  return new CheckError(failures[detail][0], detail, message, options)
}

/** Creates the failure of an HTTP status other than 200, for an answer without a gRPC status. */
export function httpFailure(status: number): CheckError {
  const detail = `http_${status}`
  const [reason] = isDeclared(detail) ? failures[detail] : failures['http_*']
  return new CheckError(reason, detail, `the answer is not gRPC, but HTTP with status ${status}`)
}

function isDeclared(detail: string): detail is Detail {
  return Object.hasOwn(failures, detail)
}

/** The names of the status codes, by number: https://grpc.io/docs/guides/status-codes/. Undefined is OK. */
const codes: readonly (Detail | undefined)[] = [
  undefined,
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** The detail of a gRPC status other than 0. An unknown status counts as UNKNOWN, as in gRPC itself. */
export function detailOf(status: number): Detail {
  return codes[status] ?? 'UNKNOWN'
}
