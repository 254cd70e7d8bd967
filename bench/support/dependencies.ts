/** Many dependencies: of kind `instant`, which answer at once, so that nothing but Pulsecheck costs; or `tcp`, for real. */
import { z } from 'zod'
import { tcp } from '../../src/kinds/tcp.ts'
import { parseDependency } from '../../src/model/definition.ts'
import type { DependencyDefinition } from '../../src/model/dependency.ts'
import { defineKind } from '../../src/model/kind.ts'

export interface Dependencies {
  readonly dependencies: number
  readonly intervalMs: number
  /** Where `tcp` dependencies are; without it all are `instant`. */
  readonly tcpPort?: number
}

/** It enters two phases as most kinds do, so that it has their series. */
const instant = defineKind({
  name: 'instant',
  options: z.strictObject({}),
  target: () => 'at hand',
  open: () => ({
    async check(context) {
      context.enter('connect')
      context.enter('request')
    },
  }),
})

export function nameOf(i: number): string {
  return `orders-database-${String(i).padStart(5, '0')}`
}

export function manyDependencies({
  dependencies,
  intervalMs,
  tcpPort,
}: Dependencies): readonly DependencyDefinition[] {
  const settings = { interval: `${intervalMs}ms`, timeout: `${Math.min(intervalMs, 1_000)}ms` }
  return Array.from({ length: dependencies }, (_, i) =>
    tcpPort === undefined
      ? parseDependency(nameOf(i), instant, settings)
      : parseDependency(nameOf(i), tcp, { ...settings, host: '127.0.0.1', port: tcpPort }),
  )
}
