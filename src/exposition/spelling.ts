/** How values are spelt: what every format does to text, and how the text formats escape and write numbers. */

/** Any character that some format must change. Both surrogate halves of a pair are one character here. */
const special = /[\\"\p{Cc}\p{Cs}]/u
const unprintable = /[\p{Cc}\p{Cs}]/gu

/**
 * A text that every parser takes: C0 controls other than newline, and DEL, become their control pictures, so that
 * values that differ stay different; lone surrogates, which UTF-8 cannot hold, become U+FFFD.
 */
export function clean(text: string): string {
  // Types end at run time, and an object's own text must not escape the escaping.
  const value = String(text)
  return special.test(value) ? value.replace(unprintable, picture) : value
}

function picture(character: string): string {
  const code = character.charCodeAt(0)
  if (code === 0x0a || (code >= 0x80 && code <= 0x9f)) return character
  if (code === 0x7f) return '\u2421'
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd'
}

/** A label value or an OpenMetrics HELP text, escaped for standing between quotes. */
export function quoted(text: string): string {
  const value = String(text)
  return special.test(value) ? unquoted(value).replaceAll('"', '\\"') : value
}

/** A HELP text of text 0.0.4, which escapes no quotes. */
export function unquoted(text: string): string {
  return clean(text).replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

/** The shortest decimal that reads back as the same number; `+Inf`, `-Inf` and `NaN` by name. */
export function decimal(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

/**
 * A bucket's bound as Go's `%g` spells it (`0.005`, `1`, `1e+06`, `1e-05`). Bounds are part of a series' identity,
 * so they must be spelt as every other exporter spells them.
 */
export function bound(value: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (!Number.isFinite(value) || (power >= -4 && power < 6)) return decimal(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** A bound as OpenMetrics asks for it: always a float (`1.0`). */
export function floatBound(value: number): string {
  const text = bound(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
