// What the CI examples of docs/ci must do, step by step as the services run them. Takes a way to get an empty store; registers one suite.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { REPOSITORY, runAction, runWorkflow, type GithubEvent } from '../ci-github.js'
import { runPipeline } from '../ci-gitlab.js'
import { configOf, createCiWorld, type CiStore, type CiWorld, type Merge, type ScriptRun } from '../ci-world.js'
import { things } from '../things.js'

const MAIN = 'refs/heads/main'

function pullRequest(number: number, { commit }: Pick<Merge, 'commit'>, from: object = REPOSITORY): GithubEvent {
  // The base of an event that is older than the checkout: a commit that is not there to be found.
  const pull = { number, base: { sha: '0'.repeat(40), ref: 'main' }, head: { repo: from } }
  const payload = { number, pull_request: pull, repository: REPOSITORY }
  return { name: 'pull_request', ref: `refs/pull/${number}/merge`, commit, payload }
}

const pushed = (commit: string): GithubEvent => ({
  name: 'push',
  ref: MAIN,
  commit,
  payload: { ref: MAIN, after: commit, repository: REPOSITORY },
})

/** A schedule's event names no repository. */
const nightly = (commit: string): GithubEvent => ({
  name: 'schedule',
  ref: MAIN,
  commit,
  payload: { schedule: '17 3 * * *' },
})

/** The decision line, which is JSON in CI. */
function decisionOf({ stderr, stdout }: ScriptRun): Readonly<Record<string, unknown>> {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
  const decisions = lines
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    .filter(({ message }) => message === 'decision')
  expect(decisions.length, stdout + stderr).toBe(1)
  return decisions[0] ?? {}
}

async function zonesIn(world: CiWorld): Promise<readonly string[]> {
  const { code, stdout, stderr } = await world.person.run(['cache', 'list', '-o', 'json'])
  expect(code, stderr).toBe(0)
  return (JSON.parse(stdout) as { entries: { zone: string }[] }).entries.map(({ zone }) => zone).sort()
}

/** The world with its site applied, as its first push would. */
async function applied(store: CiStore): Promise<CiWorld> {
  const world = await createCiWorld(store)
  const { code, stderr } = await world.person.run(['apply', 'site'])
  expect(code, stderr).toBe(0)
  return world
}

/** A change of code that changes nothing of what should be: it is planned, and the plan is empty. */
const otherCode = async ({ person }: CiWorld): Promise<Readonly<Record<string, string>>> => ({
  'lib/world.mjs': `// Read again.\n${await person.read('lib/world.mjs')}`,
})

export function ciExamples(name: string, open: () => Promise<CiStore>): void {
  describe(`GitHub Actions, ${name}`, () => {
    it('a pull request is planned against the first parent of its merge commit, in a zone of its own', async () => {
      await using world = await applied(await open())
      const other = await otherCode(world)
      const first = await world.merge('refs/pull/7/merge', other, { 'README.md': 'Main went on.\n' })
      const plan = await runWorkflow(world, pullRequest(7, first))
      expect(plan).toMatchObject({ job: 'plan', code: 0, hasCredentials: true })
      expect(decisionOf(plan)).toMatchObject({ reason: 'code-changed', base: first.into })
      expect(plan.outputs).toEqual({ 'exit-code': '0', changes: '0', decision: 'run' })
      expect(plan.summary).toContain('`site`: no changes')
      expect(await zonesIn(world)).toEqual(['untrusted-pr-7'])

      const again = await runWorkflow(world, pullRequest(7, first))
      expect(decisionOf(again)).toMatchObject({ reason: 'cache-hit', zone: 'untrusted-pr-7' })
      expect(again.outputs).toEqual({ 'exit-code': '0', changes: '', decision: 'skip' })
    })

    it('what a pull request keeps never answers main, nor another one; what main keeps answers both', async () => {
      await using world = await applied(await open())
      const other = await otherCode(world)
      const first = await world.merge('refs/pull/7/merge', other)
      const second = await world.merge('refs/pull/8/merge', other)
      expect(decisionOf(await runWorkflow(world, pullRequest(7, first)))).toMatchObject({ reason: 'code-changed' })
      const main = await world.push(other)
      expect(decisionOf(await runWorkflow(world, nightly(main)))).toMatchObject({ reason: 'cache-miss' })
      expect(await zonesIn(world)).toEqual(['main', 'untrusted-pr-7'])
      expect(decisionOf(await runWorkflow(world, nightly(main)))).toMatchObject({ reason: 'cache-hit', zone: 'main' })
      // Another pull request is answered by main, not by the first one.
      expect(decisionOf(await runWorkflow(world, pullRequest(8, second)))).toMatchObject({ zone: 'main' })
      expect(await zonesIn(world)).toEqual(['main', 'untrusted-pr-7'])
    })

    it('one that changes nothing that is read is skipped by git alone, that of a fork too', async () => {
      await using world = await applied(await open())
      const merge = await world.merge('refs/pull/7/merge', { 'README.md': 'Other words.\n' })
      const fork = await runWorkflow(world, pullRequest(7, merge, { ...REPOSITORY, full_name: 'someone/site' }))
      expect(fork).toMatchObject({ job: 'plan', code: 0, hasCredentials: false })
      expect(decisionOf(fork)).toMatchObject({ reason: 'inputs-unchanged', base: merge.into })
      expect(fork.outputs).toEqual({ 'exit-code': '0', changes: '', decision: 'skip' })
      expect(fork.summary).toContain('skip')
      expect(await zonesIn(world)).toEqual([])
    })

    it('one that raises its own limit and names its own store is held to those of main', async () => {
      const store = await open()
      await using world = await applied(store)
      await world.push({ 'trueup.yaml': configOf(store.url, { limits: { maxChanges: 1 } }) })
      const merge = await world.merge('refs/pull/7/merge', {
        'trueup.yaml': configOf('file:stolen', { limits: { maxChanges: 100 } }),
        'data/site/all.yaml': things({ a: 10, b: 20 }),
      })
      const plan = await runWorkflow(world, pullRequest(7, merge))
      expect(plan.code, plan.stderr).toBe(3)
      expect(plan.outputs).toEqual({ 'exit-code': '3', changes: '2', decision: 'run' })
      expect(plan.summary).toMatch(/hello 10[\s\S]*hello 20/)
      expect(await world.person.readWorld()).toEqual({ a: 'hello 1', b: 'hello 2' })
      const { stdout } = await world.person.run(['runs', 'list', '--mode', 'dry-run', '-o', 'json'])
      expect((JSON.parse(stdout) as { runs: unknown[] }).runs).toHaveLength(1)
      await expect(readFile(join(plan.workspace, 'stolen/.gitignore'))).rejects.toThrow('ENOENT')
    })

    it('a merge group is planned against its base, in a zone of its own', async () => {
      await using world = await applied(await open())
      const ref = 'refs/heads/gh-readonly-queue/main/pr-7'
      const { commit, into } = await world.merge(ref, await otherCode(world))
      const group = { base_sha: into, head_sha: commit, head_ref: ref }
      const event = {
        name: 'merge_group',
        ref,
        commit,
        payload: { merge_group: group, repository: REPOSITORY },
      } as const
      const plan = await runWorkflow(world, event)
      expect(plan).toMatchObject({ job: 'plan', code: 0, hasCredentials: true })
      expect(decisionOf(plan)).toMatchObject({ reason: 'code-changed', base: into })
      expect(await zonesIn(world)).toEqual(['untrusted-merge-group'])
    })

    it('main is applied, skipped when nothing changed since, and made up for when it failed', async () => {
      await using world = await applied(await open())
      const { person } = world
      await person.refuse('b')
      const failed = await runWorkflow(
        world,
        pushed(await world.push({ 'data/site/all.yaml': things({ a: 1, b: 3 }) })),
      )
      expect(failed).toMatchObject({ job: 'apply', code: 1, outputs: { 'exit-code': '1', decision: 'run' } })
      await person.refuse()
      const madeUp = await runWorkflow(world, pushed(await world.push({ 'README.md': 'Other words.\n' })))
      expect(madeUp).toMatchObject({ code: 0, outputs: { 'exit-code': '0', changes: '1', decision: 'run' } })
      expect(madeUp.summary).toContain('hello 3')
      expect(await person.readWorld()).toEqual({ a: 'hello 1', b: 'hello 3' })
      const skip = await runWorkflow(world, pushed(await world.push({ 'README.md': 'Still others.\n' })))
      expect(skip).toMatchObject({ code: 0, outputs: { 'exit-code': '0', changes: '', decision: 'skip' } })
      expect(decisionOf(skip)).toMatchObject({ reason: 'inputs-unchanged', base: 'last-applied' })
    })

    it('the nightly run finds what was changed by hand, once no earlier one answers for it', async () => {
      await using world = await applied(await open())
      const { person } = world
      const commit = await person.git('rev-parse', 'main')
      const drift = async (): Promise<number | null> => (await runWorkflow(world, nightly(commit))).code
      expect(await drift()).toBe(0)
      await person.write({ '../world.json': { a: 'by hand', b: 'hello 2' } })
      expect(await drift()).toBe(0)
      expect((await person.run(['cache', 'delete', '--trust-zone', 'main', '--yes'])).code).toBe(0)
      const found = await runWorkflow(world, nightly(commit))
      expect(found).toMatchObject({ job: 'nightly', code: 2, outputs: { 'exit-code': '2', changes: '1' } })
      expect(found.summary).toContain('by hand')
      expect(await zonesIn(world)).toEqual([])
    })

    it('what is run by hand on another branch gets no trusted zone', async () => {
      await using world = await applied(await open())
      const { head: commit } = await world.merge('refs/heads/try', await otherCode(world))
      const ref = 'refs/heads/try'
      const event = { name: 'workflow_dispatch', ref, commit, payload: { ref, repository: REPOSITORY } } as const
      const workspace = await world.workspace(ref, await world.person.git('rev-parse', `${commit}^`), 1)
      const plan = await runAction({
        world,
        event,
        workspace,
        hasCredentials: true,
        given: { targets: 'site', cache: 'true' },
      })
      expect(plan.code, plan.stderr).toBe(0)
      expect(await zonesIn(world)).toEqual(['untrusted-branch'])
    })

    it('a command that it does not have is a mistake', async () => {
      await using world = await createCiWorld(await open())
      const plan = await runWorkflow(world, pushed(await world.person.git('rev-parse', 'main')), { command: 'destroy' })
      expect(plan).toMatchObject({ code: 64, stdout: '', summary: '' })
      expect(plan.stderr).toBe('trueup: the input command is plan or apply, not "destroy"\n')
    })
  })

  describe(`GitLab, ${name}`, () => {
    const ofRequest = {
      CI_DEFAULT_BRANCH: 'main',
      CI_PIPELINE_SOURCE: 'merge_request_event',
      CI_MERGE_REQUEST_IID: '5',
    }
    const ofMain = { CI_DEFAULT_BRANCH: 'main', CI_COMMIT_BRANCH: 'main' }

    it('a merge request is planned against where its branch left main, in a zone of its own', async () => {
      await using world = await applied(await open())
      const ref = 'refs/merge-requests/5/head'
      const { head: commit, into } = await world.merge(ref, await otherCode(world))
      const variables = { ...ofRequest, CI_MERGE_REQUEST_DIFF_BASE_SHA: into }
      const plan = await runPipeline(world, { ref, commit }, variables)
      expect(plan, plan.stderr).toMatchObject({ job: 'plan', code: 0 })
      expect(decisionOf(plan)).toMatchObject({ reason: 'code-changed', base: into })
      expect(await zonesIn(world)).toEqual(['untrusted-mr-5'])
      expect(await readFile(join(plan.workspace, 'plan.md'), 'utf8')).toContain('`site`: no changes')
      expect(JSON.parse(await readFile(join(plan.workspace, 'plan.json'), 'utf8'))).toMatchObject({ exitCode: 0 })
    })

    it('a merged result is planned against the head of its target branch', async () => {
      await using world = await applied(await open())
      const left = await world.person.git('rev-parse', 'main')
      const ref = 'refs/merge-requests/5/merge'
      const { commit, into } = await world.merge(
        ref,
        { 'README.md': 'Other words.\n' },
        { 'data/site/all.yaml': things({ a: 1, b: 5 }) },
      )
      const shas = { CI_MERGE_REQUEST_DIFF_BASE_SHA: left, CI_MERGE_REQUEST_TARGET_BRANCH_SHA: into }
      const plan = await runPipeline(world, { ref, commit }, { ...ofRequest, ...shas })
      expect(decisionOf(plan)).toMatchObject({ reason: 'inputs-unchanged', base: into })
    })

    it('the default branch is applied, and the schedule answers for itself', async () => {
      await using world = await applied(await open())
      const main = { ref: MAIN, commit: await world.push({ 'data/site/all.yaml': things({ a: 1, b: 5 }) }) }
      const apply = await runPipeline(world, main, { ...ofMain, CI_PIPELINE_SOURCE: 'push' })
      expect(apply, apply.stderr).toMatchObject({ job: 'apply', code: 0 })
      expect(await world.person.readWorld()).toEqual({ a: 'hello 1', b: 'hello 5' })
      const schedule = { ...ofMain, CI_PIPELINE_SOURCE: 'schedule' }
      expect(decisionOf(await runPipeline(world, main, schedule))).toMatchObject({ reason: 'cache-miss' })
      expect(decisionOf(await runPipeline(world, main, schedule))).toMatchObject({ reason: 'cache-hit', zone: 'main' })
    })
  })
}
