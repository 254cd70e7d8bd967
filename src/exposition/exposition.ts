/**
 * Families as bytes, kept ready: samples are rendered when their subject changes, and a scrape only gathers them.
 * docs/design/0002-exposition.md explains why.
 */
import { share } from '../model/turns.ts'
import { append, type Pages } from './column.ts'
import { createEdition, type Edition, type Rendering } from './edition.ts'
import { exposedNames, type Family, type FamilySamples, type Format, type Heading } from './family.ts'
import { createGroup, type Group, type GroupHooks, type KeptGroup } from './group.ts'
import { acceptsGzip, createFormats } from './negotiation.ts'

/** The answer to one scrape. */
export interface ExpositionResponse {
  /** With version and character set. */
  readonly contentType: string
  /** Undefined if the body is not compressed. */
  readonly contentEncoding?: 'gzip'
  /** The body's length in bytes. */
  readonly contentLength: number
  /** Ready bytes or, if the body is large and not compressed, pages that all its readers share. */
  readonly body: Buffer | Iterable<Buffer>
  /** The same object in answers that hold the same memory, if the body does not show that. */
  readonly shares?: object
  /** Call it when the body has been sent, or is no longer wanted. Idempotent. */
  readonly release?: () => void
}

export interface Exposition {
  /**
   * Adds families over subjects that are pushed: set when they change, and deleted. Families are shown in the order in
   * which they were added.
   *
   * @throws TypeError if a name is not valid, or clashes with one that any format shows already.
   */
  group<Subject>(families: readonly Family<Subject>[], hooks?: GroupHooks): Group<Subject>
  /**
   * Adds families over one subject that is pulled: read once for each snapshot. If reading fails, they have no samples
   * in that snapshot, and `onError` is called.
   *
   * @param prepare awaited before `read`, for what is not available at once. If it rejects, reading has failed.
   * @throws TypeError as `group` does.
   */
  collect<Subject>(
    families: readonly Family<Subject>[],
    read: () => Subject,
    prepare?: () => Promise<void>,
  ): void
  /**
   * Answers one scrape with a consistent snapshot, as the request's `Accept` and `Accept-Encoding` headers ask for it.
   * Scrapes that come while another is being prepared share it. A scrape that comes while slow readers hold a snapshot
   * less than a second old shares theirs. Never rejects.
   */
  respond(accept: string | undefined, acceptEncoding: string | undefined): Promise<ExpositionResponse>
  /** The same moment as samples instead of bytes, for bridges into other registries. Never rejects. */
  samples(): Promise<readonly FamilySamples[]>
  /** Calls `added` for every family that is there, and for each one that comes. Returns what ends it. */
  follow(added: (family: Heading) => void): () => void
}

interface ExpositionOptions {
  /** Called when a family or a `read` throws. The family then has no samples of that subject; everything else goes on. */
  readonly onError?: (error: unknown) => void
  /** How long a format is kept rendered after it was last asked for. Default: 10 minutes, in milliseconds. */
  readonly keepMs?: number
  /** Monotonic milliseconds. */
  readonly now?: () => number
}

interface Shelf {
  readonly edition: Edition
  askedAt: number
}

export function createExposition(options: ExpositionOptions = {}): Exposition {
  const { keepMs = 600_000, now = () => performance.now(), onError = () => {} } = options
  const formatFor = createFormats(onError)
  const prepares: (() => Promise<void>)[] = []
  const waits: (() => Promise<void> | undefined)[] = []
  const refreshes: (() => void)[] = []
  const prepare = share(async () => void (await Promise.all(prepares.map(run => run()))))
  const names = new Set<string>()
  const headings: Heading[] = []
  const followers = new Set<(family: Heading) => void>()
  const groups: KeptGroup<never>[] = []
  const shelves = new Map<Format, Shelf>()

  /** What may take long comes first. Then the refresh and the snapshot happen in one turn, so they show one moment. */
  async function takeSnapshot<Snapshot>(read: () => Snapshot): Promise<Snapshot> {
    await prepare()
    for (let wait = pending(); wait !== undefined; wait = pending()) await wait
    for (const refresh of refreshes) refresh()
    return read()
  }

  function pending(): Promise<void> | undefined {
    for (const wait of waits) {
      const change = wait()
      if (change !== undefined) return change
    }
    return undefined
  }

  function keep(format: Format): Shelf {
    for (const group of groups) group.keep(format)
    const caughtUp = Promise.all(groups.map(group => group.catchUp(format)))
    const take = async () => {
      await caughtUp
      return takeSnapshot(() => gather(groups, format))
    }
    const shelf = { edition: createEdition(take, now), askedAt: now() }
    shelves.set(format, shelf)
    return shelf
  }

  function dropUnasked(): void {
    for (const [format, shelf] of shelves) {
      if (now() - shelf.askedAt < keepMs) continue
      shelves.delete(format)
      for (const group of groups) group.drop(format)
    }
  }

  function addGroup<Subject>(families: readonly Family<Subject>[]): Group<Subject> {
    claim(names, families)
    headings.push(...families)
    const group = createGroup(families, onError)
    for (const format of shelves.keys()) group.keep(format)
    groups.push(group)
    for (const follower of followers) families.forEach(follower)
    return {
      set(key, subject) {
        dropUnasked()
        group.set(key, subject)
      },
      delete: group.delete,
    }
  }

  return {
    group(families, { wait, refresh } = {}) {
      if (wait !== undefined) waits.push(wait)
      if (refresh !== undefined) refreshes.push(refresh)
      return addGroup(families)
    },

    collect(families, read, prepare) {
      const group = addGroup(families)
      let isPrepared = true
      const fail = (error: unknown) => {
        isPrepared = false
        group.delete('')
        onError(error)
      }
      if (prepare !== undefined)
        prepares.push(async () => {
          isPrepared = true
          await prepare().catch(fail)
        })
      refreshes.push(() => {
        try {
          if (isPrepared) group.set('', read())
        } catch (error) {
          group.delete('')
          onError(error)
        }
      })
    },

    samples: () => takeSnapshot(() => groups.flatMap(group => group.read())),

    follow(added) {
      for (const heading of headings) added(heading)
      followers.add(added)
      return () => void followers.delete(added)
    },

    async respond(accept, acceptEncoding) {
      const format = await formatFor(accept)
      const shelf = shelves.get(format) ?? keep(format)
      shelf.askedAt = now()
      const { contentType } = format
      if (acceptsGzip(acceptEncoding)) {
        const body = await shelf.edition.gzipped()
        return { contentType, contentEncoding: 'gzip', contentLength: body.length, body }
      }
      const { size, ...plain } = await shelf.edition.plain()
      return { contentType, contentLength: size, ...plain }
    },
  }
}

function claim(names: Set<string>, families: readonly Family<never>[]): void {
  const claimed = families.flatMap(exposedNames)
  const clash = claimed.find((name, i) => names.has(name) || claimed.indexOf(name) !== i)
  if (clash !== undefined) throw new TypeError(`two families show the name ${clash}`)
  for (const name of claimed) names.add(name)
}

function gather(groups: readonly KeptGroup<never>[], format: Format): Rendering {
  const pages: Pages = { blocks: [], used: [] }
  let size = 0
  for (const group of groups) size += group.snapshot(format, pages)
  append(pages, format.tail)
  return { pages, size: size + format.tail.length }
}
