/**
 * The thread in which a long YAML file is read: a thread runs a file of its own. It stays until it is ended, so that its
 * messages can be fetched.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { createProblems } from '../problem.ts'
import { outlineOf } from '../tree.ts'
import type { Heading, Order } from './thread.ts'
import { readYaml } from './yaml.ts'

/** Few enough that one message is copied within a millisecond. */
const entriesPerMessage = 32

const { file, text, port } = workerData as Order
const problems = createProblems()
const tree = readYaml(file, text, problems.report)
const outline = tree && outlineOf(tree, problems.report)
const heading: Heading = {
  problems: problems.list(),
  outline: outline && { root: outline.root, count: outline.count },
}
port.postMessage(heading)
const entries = [...(outline?.dependencies ?? [])]
for (let i = 0; i < entries.length; i += entriesPerMessage)
  port.postMessage(entries.slice(i, i + entriesPerMessage))
parentPort?.on('message', () => {})
parentPort?.postMessage('finished')
