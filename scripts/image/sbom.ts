/**
 * Prints the bill of materials of an image, in CycloneDX: the packages of its base, Node.js with what it was built from, and
 * the libraries in the program. Needs podman, and the emulation of the image's architecture.
 *
 *     node scripts/image/sbom.ts IMAGE
 */
import { execFileSync } from 'node:child_process'

const image = process.argv[2] ?? ''
const { Architecture: architecture, Digest: digest, Labels: labels } = inspect()

/** Runs the image's own Node.js, since there is nothing else to read it with. */
const contents = JSON.parse(
  podman(
    ...['run', '--rm', '--network=none', '--entrypoint=/usr/local/bin/node', image, '-p'],
    `const { readdirSync, readFileSync } = require('node:fs')
    const read = file => readFileSync(file, 'utf8')
    const status = '/var/lib/dpkg/status.d/'
    const packages = readdirSync(status).filter(file => !file.endsWith('.md5sums')).map(file => read(status + file))
    const program = JSON.parse(read('/opt/pulsecheck/program/pulsecheck.cdx.json'))
    JSON.stringify({ packages, program, release: read('/etc/os-release'), versions: process.versions })`,
  ),
)

const fieldOf = (text: string, pattern: string) =>
  new RegExp(`^${pattern}"?([^"\n]*)`, 'm').exec(text)?.[1] ?? ''
const distribution = {
  id: fieldOf(contents.release, 'ID='),
  version: fieldOf(contents.release, 'VERSION_ID='),
}

function packageOf(control: string): object {
  const [name, version, arch] = ['Package: ', 'Version: ', 'Architecture: '].map(key => fieldOf(control, key))
  const { id, version: release } = distribution
  const purl = `pkg:deb/${id}/${encodeURIComponent(name ?? '')}@${encodeURIComponent(version ?? '')}?arch=${arch}&distro=${id}-${release}`
  return { type: 'library', 'bom-ref': purl, name, version, purl }
}

/** Node.js, and the libraries that are compiled into it. Numbers of interfaces are no libraries. */
function runtimeOf({ node, modules: _, napi: __, ...libraries }: Record<string, string>): object {
  const purl = `pkg:generic/node@${node}`
  return {
    type: 'application',
    'bom-ref': purl,
    name: 'node',
    version: node,
    purl,
    cpe: `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:*:*:*:*`,
    components: Object.entries(libraries).map(([name, version]) => ({
      type: 'library',
      'bom-ref': `${purl}#${name}`,
      name,
      version,
    })),
  }
}

const { program } = contents
const version = labels['org.opencontainers.image.version']
const materials = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: {
    timestamp: labels['org.opencontainers.image.created'],
    component: {
      type: 'container',
      'bom-ref': 'image',
      name: 'pulsecheck',
      version,
      purl: `pkg:oci/pulsecheck@${encodeURIComponent(digest)}?arch=${architecture}`,
    },
  },
  components: [
    { type: 'operating-system', 'bom-ref': 'base', name: distribution.id, version: distribution.version },
    ...contents.packages.map(packageOf),
    runtimeOf(contents.versions),
    program.metadata.component,
    ...program.components,
  ],
}
process.stdout.write(`${JSON.stringify(materials, null, 2)}\n`)

interface Inspected {
  readonly Architecture: string
  readonly Digest: string
  readonly Labels: Readonly<Record<string, string>>
}

function inspect(): Inspected {
  const [found] = JSON.parse(podman('image', 'inspect', image))
  return found
}

function podman(...args: readonly string[]): string {
  return execFileSync('podman', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
