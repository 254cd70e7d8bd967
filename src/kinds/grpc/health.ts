/** The Check call of grpc.health.v1: its messages, and what its answer stands for. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { CheckContext } from '../../model/dependency.ts'
import type { Reply } from './answer.ts'
import { unframe } from './call.ts'
import { type Detail, detailOf, failure } from './failures.ts'

/** `HealthCheckResponse.ServingStatus`: grpc/health/v1/health.proto. */
const serving = 1
const otherStatuses = new Map<number, Detail>([
  [0, 'UNKNOWN'],
  [2, 'NOT_SERVING'],
  [3, 'SERVICE_UNKNOWN'],
])

/** `HealthCheckRequest { string service = 1 }`. The empty service is the server as a whole. */
export function encodeRequest(service: string): Uint8Array {
  if (service === '') return new Uint8Array()
  return new BinaryWriter().tag(1, WireType.LengthDelimited).string(service).finish()
}

/** `HealthCheckResponse { ServingStatus status = 1 }`. Fields that are not known are passed over. */
function decodeResponse(message: Uint8Array): number {
  try {
    return servingStatus(new BinaryReader(message))
  } catch (cause) {
    throw failure('protocol_error', 'the answer is not a HealthCheckResponse', { cause })
  }
}

function servingStatus(reader: BinaryReader): number {
  let status = 0
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === 1 && type === WireType.Varint) status = reader.int32()
    else reader.skip(type, field)
  }
  return status
}

/**
 * Refuses a reply that does not say SERVING, and reports its numbers.
 *
 * @param quotes whether the words of the server may be repeated.
 * @throws CheckError with the name of the gRPC status or of the serving status as its detail.
 */
export function verify(
  reply: Reply,
  service: string,
  quotes: boolean,
  context: Pick<CheckContext, 'measure'>,
): void {
  context.measure('status_code', reply.status)
  if (reply.status !== 0) throw callFailure(reply, service, quotes)
  const status = decodeResponse(onlyMessage(reply.body))
  context.measure('serving_status', status)
  if (status === serving) return
  const name = otherStatuses.get(status)
  throw failure(name ?? 'UNKNOWN', `the status of ${subject(service)} is ${name ?? status}`)
}

function callFailure({ status, text }: Reply, service: string, quotes: boolean): Error {
  const detail = detailOf(status)
  const said = quotes && text !== '' ? `: ${text}` : ''
  return failure(detail, `the health check of ${subject(service)} ended with ${detail} (${status})${said}`)
}

function onlyMessage(body: Buffer): Uint8Array {
  const [message, ...more] = unframe(body)
  if (message !== undefined && more.length === 0) return message
  throw failure('protocol_error', `the answer has ${more.length === 0 ? 'no message' : 'several messages'}`)
}

function subject(service: string): string {
  return service === '' ? 'the server' : `service ${JSON.stringify(service)}`
}
