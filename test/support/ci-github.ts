// A small runner of docs/ci/github-actions.yml and of the composite action: which jobs an event starts, and their steps. In: an event. Out: what a
// job left. Steps that need the service (checkout, npm ci, credentials) are known by name and stood in for; any other is an error.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { checkout, type CiWorld, type ScriptRun } from './ci-world.js'

export interface GithubEvent {
  readonly name: 'pull_request' | 'merge_group' | 'push' | 'schedule' | 'workflow_dispatch'
  readonly ref: string
  readonly commit: string
  /** What $GITHUB_EVENT_PATH holds. */
  readonly payload: Readonly<Record<string, unknown>>
}

export interface JobRun extends ScriptRun {
  readonly job: string
  readonly workspace: string
  readonly summary: string
  readonly outputs: Readonly<Record<string, string>>
  /** Whether the job got credentials. */
  readonly hasCredentials: boolean
}

interface Step {
  readonly id?: string
  readonly if?: string
  readonly uses?: string
  readonly run?: string
  readonly shell?: string
  readonly 'working-directory'?: string
  readonly with?: Readonly<Record<string, string | number>>
  readonly env?: Readonly<Record<string, string>>
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>
  readonly jobs: Readonly<Record<string, { readonly if: string; readonly steps: readonly Step[] }>>
}
interface Action {
  readonly inputs: Readonly<Record<string, { readonly required?: boolean; readonly default?: string }>>
  readonly outputs: Readonly<Record<string, { readonly value: string }>>
  readonly runs: { readonly using: string; readonly steps: readonly Step[] }
}
type Context = Readonly<Record<string, unknown>>

export const REPOSITORY = { full_name: 'example/site', default_branch: 'main' } as const

/** The one job that the event starts, run in a fresh workspace. `inputs` go over those that the workflow gives to the action. */
export async function runWorkflow(
  world: CiWorld,
  event: GithubEvent,
  inputs: Readonly<Record<string, string>> = {},
): Promise<JobRun> {
  const workflow = parse(await readFile(join(checkout, 'docs/ci/github-actions.yml'), 'utf8')) as Workflow
  if (!(event.name in workflow.on)) throw new Error(`the workflow does not start on ${event.name}`)
  const context = {
    github: { event_name: event.name, ref: event.ref, repository: REPOSITORY.full_name, event: event.payload },
  }
  const started = Object.entries(workflow.jobs).filter(([, job]) => evaluate(job.if, context) === true)
  const [[name, job] = ['', undefined]] = started
  if (job === undefined || started.length > 1) throw new Error(`${event.name} starts ${started.length} jobs`)
  let [workspace, hasCredentials] = ['', false]
  for (const step of job.steps) {
    if (step.if !== undefined && evaluate(step.if, context) !== true) continue
    const uses = step.uses?.replace(/@.*$/, '')
    if (uses === 'actions/checkout')
      workspace = await world.workspace(event.ref, event.commit, Number(step.with?.['fetch-depth'] ?? 1))
    else if (uses === 'aws-actions/configure-aws-credentials') hasCredentials = true
    else if (uses === './.github/actions/trueup')
      return {
        job: name,
        workspace,
        hasCredentials,
        ...(await runAction({ world, event, workspace, hasCredentials, given: { ...step.with, ...inputs } })),
      }
    else if (step.run !== 'npm ci') throw new Error(`an unknown step: ${JSON.stringify(step)}`)
  }
  throw new Error(`the job ${name} does not use the action`)
}

interface ActionCall {
  readonly world: CiWorld
  readonly event: GithubEvent
  readonly workspace: string
  readonly hasCredentials: boolean
  readonly given: Readonly<Record<string, string | number>>
}

/** The action as the event asks for it, whatever workflow it is in. */
export async function runAction(call: ActionCall): Promise<ScriptRun & Pick<JobRun, 'summary' | 'outputs'>> {
  const { world, event, workspace } = call
  const folder = join(workspace, '.github/actions/trueup')
  const action = parse(await readFile(join(folder, 'action.yml'), 'utf8')) as Action
  const inputs = inputsOf(action, call.given)
  const file = (name: string): string => `${workspace}.${name}`
  await writeFile(file('event.json'), JSON.stringify(event.payload))
  for (const name of ['summary', 'outputs']) await writeFile(file(name), '')
  const variables = {
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTION_PATH: folder,
    GITHUB_EVENT_NAME: event.name,
    GITHUB_EVENT_PATH: file('event.json'),
    GITHUB_OUTPUT: file('outputs'),
    GITHUB_REF: event.ref,
    GITHUB_REPOSITORY: REPOSITORY.full_name,
    GITHUB_SHA: event.commit,
    GITHUB_STEP_SUMMARY: file('summary'),
    GITHUB_WORKSPACE: workspace,
  }
  const [step, ...others] = action.runs.steps
  if (action.runs.using !== 'composite' || step?.shell !== 'bash' || step.run === undefined || others.length > 0)
    throw new Error('the action is one step of bash')
  const resolve = (text: string): string => interpolate(text, { inputs })
  const ran = world.script([step.run], {
    cwd: join(workspace, resolve(step['working-directory'] ?? '.')),
    env: {
      ...variables,
      ...(call.hasCredentials ? {} : world.withoutCredentials),
      ...Object.fromEntries(Object.entries(step.env ?? {}).map(([name, text]) => [name, resolve(text)])),
    },
  })
  const lines = (await readFile(file('outputs'), 'utf8')).split('\n').filter((line) => line !== '')
  const outputs = Object.fromEntries(lines.map((line) => [line.replace(/=.*$/, ''), line.replace(/^[^=]*=/, '')]))
  const steps = { [step.id ?? '']: { outputs } }
  return {
    ...ran,
    summary: await readFile(file('summary'), 'utf8'),
    outputs: Object.fromEntries(
      Object.entries(action.outputs).map(([name, { value }]) => [name, interpolate(value, { steps })]),
    ),
  }
}

function inputsOf(action: Action, given: ActionCall['given']): Readonly<Record<string, string>> {
  const unknown = Object.keys(given).filter((name) => !(name in action.inputs))
  const missing = Object.keys(action.inputs).filter((name) => action.inputs[name]?.required && !(name in given))
  if (unknown.length + missing.length > 0)
    throw new Error(`inputs: unknown ${String(unknown)}, missing ${String(missing)}`)
  const valueOf = (name: string): string => String(given[name] ?? action.inputs[name]?.default ?? '')
  return Object.fromEntries(Object.keys(action.inputs).map((name) => [name, valueOf(name)]))
}

function interpolate(text: string, context: Context): string {
  return text.replace(/\$\{\{\s*(.+?)\s*\}\}/g, (_whole, expression: string) => {
    const value = evaluate(expression, context)
    return typeof value === 'string' ? value : ''
  })
}

/** `a.b`, `'text'`, `==` and `||`: all that the examples use. */
function evaluate(expression: string, context: Context): unknown {
  const sides = expression.split('||')
  if (sides.length > 1) return sides.some((side) => evaluate(side, context) === true)
  const operands = expression.split('==').map((each) => operand(each.trim(), context))
  return operands.length === 2 ? operands[0] === operands[1] : operands[0]
}

function operand(text: string, context: Context): unknown {
  const literal = /^'([^']*)'$/.exec(text)?.[1]
  if (literal !== undefined) return literal
  if (!/^[\w.-]+$/.test(text)) throw new Error(`cannot evaluate ${text}`)
  return text.split('.').reduce<unknown>((at, name) => (at as Context | undefined)?.[name], context)
}
