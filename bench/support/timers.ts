/** The usual schedule, in a process of its own: one `setTimeout` a dependency, planned at absolute times, that does nothing. */
import { readOrder } from './child.ts'
import type { Dependencies } from './dependencies.ts'
import { answerWindows } from './window.ts'

const { dependencies, intervalMs } = readOrder<Dependencies>()
const lates: number[] = []
const started = performance.now()
const plan = (at: number): NodeJS.Timeout =>
  setTimeout(
    () => {
      lates.push(performance.now() - at)
      plan(at + intervalMs)
    },
    Math.max(0, at - performance.now()),
  )
for (let i = 0; i < dependencies; i++) plan(started + (i / dependencies) * intervalMs)
answerWindows(lates)
process.send?.({})
