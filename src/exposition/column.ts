/**
 * The samples of one family for many subjects, as bytes without gaps. A column is divided into pages of a few subjects: a
 * change moves the bytes of one page, and a rendering takes whole pages without copying them.
 */

/** Few enough that a change moves little, many enough that a scrape handles few pages. Measured: docs/design/0002. */
const slotsPerPage = 64

interface Block {
  readonly bytes: Buffer
  /** How many renderings read these bytes. While there are any, a change goes to a copy. */
  readers: number
}

interface Page {
  block: Block
  used: number
  readonly lengths: number[]
}

/** Bytes that do not change until they are released. Of each block, only the first `used` bytes count. */
export interface Pages {
  readonly blocks: Block[]
  readonly used: number[]
}

/** Adds bytes that never change. */
export function append({ blocks, used }: Pages, bytes: Buffer): void {
  blocks.push({ bytes, readers: 1 })
  used.push(bytes.length)
}

/** Ends a reading, so that its pages change in place again and make no garbage. Call it once, and read no more. */
export function release({ blocks }: Pages): void {
  for (const block of blocks) block.readers -= 1
}

export interface Column {
  /** Replaces the bytes of a slot. Slots are small whole numbers, and bytes are in the order of their slots. */
  write(slot: number, bytes: Uint8Array): void
  /** The number of bytes in all slots. */
  size(): number
  /** Adds the current pages to `pages`, where they stay unchanged until they are released. */
  snapshot(pages: Pages): void
}

export function createColumn(): Column {
  const pages: Page[] = []
  return {
    write(slot, bytes) {
      const index = Math.floor(slot / slotsPerPage)
      while (pages.length <= index) pages.push(emptyPage())
      replace(pages[index] as Page, slot % slotsPerPage, bytes)
    },
    size: () => pages.reduce((sum, page) => sum + page.used, 0),
    snapshot(target) {
      for (const page of pages) {
        if (page.used === 0) continue
        page.block.readers += 1
        target.blocks.push(page.block)
        target.used.push(page.used)
      }
    },
  }
}

function emptyPage(): Page {
  return { block: { bytes: Buffer.alloc(0), readers: 0 }, used: 0, lengths: Array(slotsPerPage).fill(0) }
}

function replace(page: Page, slot: number, bytes: Uint8Array): void {
  const length = page.lengths[slot] as number
  let start = 0
  for (let i = 0; i < slot; i++) start += page.lengths[i] as number
  const end = start + length
  if (length === bytes.length && page.block.bytes.compare(bytes, 0, length, start, end) === 0) return
  const used = page.used + bytes.length - length
  const own = ownBytes(page, used)
  if (used !== page.used) own.copyWithin(start + bytes.length, end, page.used)
  own.set(bytes, start)
  page.lengths[slot] = bytes.length
  page.used = used
}

/** A buffer for `size` bytes that nobody else reads, with some room for numbers that grow by a digit. */
function ownBytes(page: Page, size: number): Buffer {
  const { bytes, readers } = page.block
  if (readers === 0 && size <= bytes.length) return bytes
  const room = size <= bytes.length ? bytes.length : Math.ceil(size * 1.125) + 64
  // Not from Node's pool: a small page would keep a whole pooled slab alive.
  const own = Buffer.allocUnsafeSlow(room)
  bytes.copy(own, 0, 0, page.used)
  page.block = { bytes: own, readers: 0 }
  return own
}
