/** The text of a file, whose kind, size and encoding are checked before anything reads it. */
import { isUtf8 } from 'node:buffer'
import { readFile, stat } from 'node:fs/promises'
import type { Words } from './problem.ts'

/** Limit of a config file in bytes: some 10,000 dependencies. */
export const maxConfigBytes = 1024 * 1024

/** Limit of a file with a secret in bytes: a long certificate chain. */
export const maxSecretBytes = 64 * 1024

export type FileText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly line: number; readonly problem: Words }

/**
 * The text of a regular file in UTF-8, within the limit, without its byte order mark. Pipes and devices are refused,
 * since they may never end, and cannot be read again at a reload.
 */
export async function readFileText(file: string, maxBytes: number): Promise<FileText> {
  try {
    const stats = await stat(file)
    if (stats.isDirectory()) return refuse('is a directory, not a file')
    if (!stats.isFile()) return refuse('is not a regular file')
    if (stats.size > maxBytes) return refuse(tooLarge(maxBytes))
    return decode(await readFile(file), maxBytes)
  } catch (error) {
    return refuse(failure((error as NodeJS.ErrnoException).code))
  }
}

/** The text that bytes encode, or the reason why they do not. */
export function decode(bytes: Uint8Array, maxBytes: number): FileText {
  if (bytes.length > maxBytes) return refuse(tooLarge(maxBytes))
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return refuse('is UTF-16, not UTF-8', 'save it as UTF-8')
  if (!isUtf8(bytes)) return { ...refuse('is not UTF-8', 'save it as UTF-8'), line: firstBadLine(bytes) }
  const text = new TextDecoder('utf-8').decode(bytes)
  return text.trim() === '' ? refuse('is empty') : { ok: true, text }
}

/**
 * The text of a file that is no longer being written: two readings in a row, with a pause between them, agree. A writer
 * that does not rename leaves a file half-written for a moment, and over a third of all truncations of a config are valid.
 */
export async function readSettled(
  read: () => Promise<FileText>,
  pause: () => Promise<void>,
): Promise<FileText> {
  let last = await read()
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    await pause()
    const next = await read()
    if (isSame(next, last)) return next
    last = next
  }
  return refuse('keeps changing while it is read', 'write to a new file and rename it')
}

const maxAttempts = 10

function isSame(a: FileText, b: FileText): boolean {
  return a.ok && b.ok ? a.text === b.text : JSON.stringify(a) === JSON.stringify(b)
}

/**
 * Changes when the content of a file changes, without reading it. It includes the inode, since Kubernetes swaps symbolic
 * links. For a file that cannot be examined, it is the code of the error.
 */
export async function stampOf(file: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(file, { bigint: true })
    return `${mtimeNs}:${size}:${ino}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}

function refuse(message: string, hint?: string): FileText & { ok: false } {
  return { ok: false, line: 1, problem: { message, hint } }
}

function tooLarge(maxBytes: number): string {
  return `is larger than ${maxBytes / 1024} KiB`
}

/** Describes Node's error by its code, since its message would repeat the path. */
function failure(code: string | undefined): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist'
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user'
  return `cannot be read (${code ?? 'unknown error'})`
}

/** No byte of a multi-byte character is a newline, so each line can be tested on its own. */
function firstBadLine(bytes: Uint8Array): number {
  let start = 0
  for (let line = 1; ; line++) {
    const newline = bytes.indexOf(10, start)
    const end = newline === -1 ? bytes.length : newline
    if (newline === -1 || !isUtf8(bytes.subarray(start, end))) return line
    start = end + 1
  }
}
