// A small runner of docs/ci/gitlab-ci.yml: which job a pipeline starts, and its script. In: variables as GitLab sets them. Out: what the job left.
// `npm ci` is stood in for by the workspace.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { checkout, type CiWorld, type ScriptRun } from './ci-world.js'

interface Job {
  readonly rules: readonly { readonly if: string }[]
  readonly variables?: Readonly<Record<string, string>>
  readonly script: readonly string[]
}
interface Pipeline {
  readonly variables: Readonly<Record<string, string>>
  readonly default: { readonly before_script: readonly string[] }
}

export interface GitlabRun extends ScriptRun {
  readonly job: string
  readonly workspace: string
}

/** The one job that the pipeline starts, run in a fresh workspace of that commit. */
export async function runPipeline(
  world: CiWorld,
  place: { readonly ref: string; readonly commit: string },
  variables: Readonly<Record<string, string>>,
): Promise<GitlabRun> {
  const text = await readFile(join(checkout, 'docs/ci/gitlab-ci.yml'), 'utf8')
  const { variables: common, default: all, ...jobs } = parse(text) as Pipeline & Readonly<Record<string, Job>>
  const started = Object.entries(jobs as Readonly<Record<string, Job>>).filter(([, { rules }]) =>
    rules.some((rule) => holds(rule.if, variables)),
  )
  const [[name, job] = ['', undefined]] = started
  if (job === undefined || started.length > 1) throw new Error(`the pipeline starts ${started.length} jobs`)
  const workspace = await world.workspace(place.ref, place.commit, Number(common['GIT_DEPTH'] ?? 20))
  const lines = [...all.before_script, ...job.script].filter((line) => line !== 'npm ci')
  const env = { CI: 'true', GITLAB_CI: 'true', AWS_ID_TOKEN: '', ...common, ...job.variables, ...variables }
  return { job: name, workspace, ...world.script(lines, { cwd: workspace, env }) }
}

/** `$A == "text"`, `$A == $B` and `&&`: all that the example uses. */
function holds(rule: string, variables: Readonly<Record<string, string>>): boolean {
  return rule.split('&&').every((part) => {
    const sides = part.split('==').map((side) => {
      const [, name, literal] = /^\s*(?:\$(\w+)|"([^"]*)")\s*$/.exec(side) ?? []
      if (name === undefined && literal === undefined) throw new Error(`cannot evaluate ${rule}`)
      return name === undefined ? literal : variables[name]
    })
    return sides.length === 2 && sides[0] !== undefined && sides[0] === sides[1]
  })
}
