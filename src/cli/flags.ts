/** The flags that every command takes, as commander hands them over: what follows a hyphen in camel case. */

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export const logFormats = ['logfmt', 'json'] as const

export interface GlobalFlags {
  readonly 'config.file'?: string
  readonly 'config.check'?: boolean
  readonly 'config.allowShrink'?: boolean
  readonly 'web.listenAddress'?: readonly string[]
  readonly 'web.config.file'?: string
  readonly 'web.telemetryPath'?: string
  readonly 'web.enableLifecycle'?: boolean
  readonly 'log.level': (typeof logLevels)[number]
  readonly 'log.format': (typeof logFormats)[number]
}
