// A recorded run as a person sees its plan: on a terminal without colours, and as Markdown.
import { planMarkdown } from '../../src/report/markdown-plan.js'
import { createStyle } from '../../src/report/style.js'
import { planText } from '../../src/report/text-plan.js'
import type { RecordedRun } from '../../src/testing.js'

export function textOf({ record, plan }: RecordedRun): string {
  if (plan === null) throw new Error('the run has no plan')
  const { target, integration, mode } = record.run
  const style = createStyle({ color: false, unicode: true, utc: true, width: 80 })
  return planText({
    target,
    integration,
    mode,
    plan,
    limits: record.limits,
    applyCommand: `trueup apply ${target}`,
    style,
  })
}

export function markdownOf({ record }: RecordedRun): string {
  return planMarkdown(record)
}
