/** The libraries that a bundle contains: who wrote them and on which terms, and as a bill of materials. */
import { globSync, readFileSync } from 'node:fs'

interface Library {
  readonly name: string
  readonly version: string
  /** An SPDX expression. */
  readonly license: string
  readonly text: string
}

/** @param files that the bundle is made of. */
export function librariesOf(files: readonly string[]): readonly Library[] {
  const folders = files.flatMap(file => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  return [...new Set(folders)].sort().map(folder => {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
    const [file] = globSync('{LICENSE,LICENCE,License,license}*', { cwd: folder })
    const text = file === undefined ? '' : readFileSync(`${folder}/${file}`, 'utf8').trim()
    return { name, version, license, text }
  })
}

/** Who wrote what the bundle contains, and on which terms it may be passed on. */
export function licensesOf(libraries: readonly Library[]): string {
  const texts = libraries.map(({ name, version, license, text }) => {
    return `${name} ${version} (${license})\n${text === '' ? '' : `\n${text}\n`}`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}

/**
 * A bill of materials in CycloneDX, which scanners of vulnerabilities find beside the bundle, by the name of its file:
 * packages in a bundle are invisible to them otherwise.
 */
export function materialsOf(version: string, libraries: readonly Library[]): object {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        ...component({ name: 'pulsecheck', version, license: 'Apache-2.0' }),
      },
    },
    components: libraries.map(library => ({ type: 'library', ...component(library) })),
  }
}

function component({ name, version, license }: Omit<Library, 'text'>): object {
  // As the package URL specification has it: the @ of a scope is escaped, the slash after it is not.
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  return { 'bom-ref': purl, name, version, purl, licenses: [{ expression: license }] }
}
