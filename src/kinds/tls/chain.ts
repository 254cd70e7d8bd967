/** What a session is measured by. Expiry has a number for each place in the chain, since labels cannot tell them apart. */
import type { X509Certificate } from 'node:crypto'
import type { CheckContext } from '../../model/dependency.ts'
import { earliest, isSelfSigned } from '../shared/certificate.ts'
import type { Session } from '../shared/tls.ts'

export const measurements = {
  leaf_not_after_timestamp_seconds: "Unix time at which the server's own certificate expires.",
  intermediate_not_after_timestamp_seconds:
    'Unix time at which the first of the intermediate certificates presented expires.',
  root_not_after_timestamp_seconds: 'Unix time at which the root certificate expires, if it is presented.',
  certificates: 'Certificates that the server presented.',
  verified: '1 if the chain and the name verify, else 0, also with tls.verify false.',
  protocol_version: 'Version of TLS agreed on: 1.2 or 1.3.',
}

type Measurement = keyof typeof measurements

/** Reports all of it, before anything is judged: what is refused is told, too. */
export function measure(session: Session, context: Pick<CheckContext, 'measure'>): void {
  for (const [name, value] of Object.entries(measured(session)))
    if (value !== undefined) context.measure(name, value)
}

function measured({ socket, chain }: Session): Readonly<Record<Measurement, number | undefined>> {
  const [leaf, ...above] = chain
  return {
    leaf_not_after_timestamp_seconds: endOf(leaf),
    intermediate_not_after_timestamp_seconds: endOf(earliest(above.filter(each => !isSelfSigned(each)))),
    root_not_after_timestamp_seconds: endOf(above.find(isSelfSigned)),
    certificates: chain.length,
    verified: socket.authorized ? 1 : 0,
    protocol_version: versionOf(socket.getProtocol()),
  }
}

function endOf(certificate: X509Certificate | undefined): number | undefined {
  return certificate && certificate.validToDate.getTime() / 1_000
}

/** `TLSv1.3` as 1.3. */
function versionOf(protocol: string | null): number | undefined {
  const [, version] = /^TLSv(1\.\d)$/.exec(protocol ?? '') ?? []
  return version === undefined ? undefined : Number(version)
}
