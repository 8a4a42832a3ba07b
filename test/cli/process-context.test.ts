// Who started a run, as the variables of CI systems tell it.
import { hostname, userInfo } from 'node:os'
import { describe, expect, it } from 'vitest'
import { actorOf, type Environment } from '../../src/cli/process-context.js'
import { readTool } from '../../src/cli/tool.js'

const who = (environment: Environment): readonly (string | null)[] => {
  const { actor, url } = actorOf(environment, readTool())
  return [actor, url]
}
const user = userInfo().username

const GITHUB = {
  CI: 'true',
  GITHUB_SERVER_URL: 'https://github.example.com',
  GITHUB_REPOSITORY: 'org/infra',
  GITHUB_RUN_ID: '81',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_ACTOR: 'first',
}
const GITLAB = {
  CI: 'true',
  GITLAB_CI: 'true',
  GITLAB_USER_LOGIN: 'second',
  CI_JOB_URL: 'https://gitlab.example.com/j/7',
}
const JENKINS = { BUILD_URL: 'https://jenkins.example.com/job/x/3/', BUILD_USER_ID: 'third' }

describe('actorOf', () => {
  it.each<[string, Environment, readonly (string | null)[]]>([
    ['GitHub Actions', GITHUB, ['first', 'https://github.example.com/org/infra/actions/runs/81']],
    [
      'a run on GitHub that another person started again',
      { ...GITHUB, GITHUB_RUN_ATTEMPT: '2', GITHUB_TRIGGERING_ACTOR: 'other' },
      ['other', 'https://github.example.com/org/infra/actions/runs/81/attempts/2'],
    ],
    ['GitLab CI', GITLAB, ['second', 'https://gitlab.example.com/j/7']],
    ['Jenkins', JENKINS, ['third', 'https://jenkins.example.com/job/x/3/']],
    [
      'a pull request on Jenkins',
      { ...JENKINS, BUILD_USER_ID: '', CHANGE_AUTHOR: 'author' },
      ['author', JENKINS.BUILD_URL],
    ],
    ['Jenkins without its user plugin', { BUILD_URL: JENKINS.BUILD_URL }, [user, JENKINS.BUILD_URL]],
    ['GitLab with a name of GitHub left over', { ...GITLAB, GITHUB_ACTOR: 'wrong' }, ['second', GITLAB.CI_JOB_URL]],
    ['Jenkins with a name of GitHub left over', { ...JENKINS, GITHUB_ACTOR: 'wrong' }, ['third', JENKINS.BUILD_URL]],
    ['a laptop', {}, [user, null]],
  ])('%s', (_, environment, expected) => {
    expect(who(environment)).toEqual(expected)
  })

  it('names host and tool', () => {
    const { host, tool } = actorOf({}, readTool())
    expect(host).toBe(hostname())
    expect(tool).toBe(`trueup/${readTool().version} node/${process.versions.node}`)
  })
})
