/**
 * The plain last lines of a test run, out of vitest's JSON report: which tests passed only at a second try, each by its
 * name, and `N passed, N failed, N skipped`. A test that needs a second try is a defect to mend, not noise.
 */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { argv, cwd, stdout } from 'node:process'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      /** What went wrong at every try. */
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

const report: Report = JSON.parse(readFileSync(argv[2] ?? '', 'utf8'))
const retried = report.testResults.flatMap(({ name, assertionResults }) =>
  assertionResults
    .filter(({ status, failureMessages }) => status === 'passed' && failureMessages.length > 0)
    .map(
      ({ fullName, failureMessages }) => `  ${relative(cwd(), name)}: ${fullName}\n${first(failureMessages)}`,
    ),
)

/** The first line of what went wrong at the first try. */
function first([message = '']: readonly string[]): string {
  return `    ${message.split('\n')[0]}\n`
}

stdout.write(
  `tests that needed a second try: ${retried.length}\n${retried.join('')}` +
    `${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped\n`,
)
