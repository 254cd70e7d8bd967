/** A JSON log line as logfmt: `key=value`, quoted where a value needs it. */

/** @param line one JSON object and a newline, as pino writes it. Nested values stay JSON, in quotes. */
export function logfmt(line: string): string {
  const { ts, level, msg, ...rest }: Record<string, unknown> = JSON.parse(line)
  const ordered = { ts, level, msg, ...rest }
  const pairs = Object.entries(ordered).filter(([, value]) => value !== undefined)
  return `${pairs.map(([key, value]) => `${key}=${spell(value)}`).join(' ')}\n`
}

/** JSON's quoting is logfmt's: control characters escaped, so that no value can begin a line of its own. */
function spell(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s="\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text)
}
