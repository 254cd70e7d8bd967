/** Where to listen and answer: `--web.listen-address` and `--web.telemetry-path`. */
import { metricsPathProblem } from '../config/index.ts'
import { type ListenAddress, parseListenAddress } from '../model/address.ts'
import { Exit, exitCodes } from './exit.ts'
import type { GlobalFlags } from './flags.ts'

/** Undefined if none was given. @throws Exit 2 for a text that is no address. */
export function listenAddresses(flags: GlobalFlags): readonly ListenAddress[] | undefined {
  return flags['web.listenAddress']?.map(text => {
    const address = parseListenAddress(text)
    if (address !== undefined) return address
    throw new Exit(exitCodes.usage, [
      `error: --web.listen-address "${text}": write host:port, such as :9797 or 127.0.0.1:9797`,
    ])
  })
}

/** Undefined if none was given. @throws Exit 2 for a path that the metrics cannot have. */
export function telemetryPath(flags: GlobalFlags): string | undefined {
  const path = flags['web.telemetryPath']
  const problem = path === undefined ? undefined : metricsPathProblem(path)
  if (problem === undefined) return path
  throw new Exit(exitCodes.usage, [`error: --web.telemetry-path "${path}": ${problem}`])
}
