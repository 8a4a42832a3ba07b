// The caller's environment and trust in, the environment and leading arguments of every git child out.
// Must not read process.env; must not let a variable of the surrounding git (a hook, an alias) point our git elsewhere.

/**
 * What `git rev-parse --local-env-vars` prints (compared with the installed git by a test), then further variables that would change which
 * content or paths git sees, or make it ask somebody.
 */
const REMOVED: ReadonlySet<string> = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_CONFIG',
  'GIT_CONFIG_PARAMETERS',
  'GIT_CONFIG_COUNT',
  'GIT_OBJECT_DIRECTORY',
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_GRAFT_FILE',
  'GIT_INDEX_FILE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_REPLACE_REF_BASE',
  'GIT_PREFIX',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_COMMON_DIR',
  'GIT_REFERENCE_BACKEND',
  'GIT_ATTR_SOURCE',
  'GIT_NAMESPACE',
  'GIT_CEILING_DIRECTORIES',
  'GIT_GLOB_PATHSPECS',
  'GIT_NOGLOB_PATHSPECS',
  'GIT_ICASE_PATHSPECS',
  'GIT_QUARANTINE_PATH',
  'GIT_PAGER',
  'PAGER',
  'SSH_ASKPASS',
])

/** `GIT_CONFIG_KEY_0`, `GIT_CONFIG_VALUE_0` …: without their count they mean nothing, so they go with it. */
const CONFIG_PAIR = /^GIT_CONFIG_(?:KEY|VALUE)_\d+$/

const FIXED: Readonly<Record<string, string>> = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_LFS_SKIP_SMUDGE: '1',
  // Paths are never patterns, whatever they begin with.
  GIT_LITERAL_PATHSPECS: '1',
  // An object id must mean its own bytes: `git replace` would give others.
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_PAGER: 'cat',
  // Set and empty: git asks neither this, nor core.askPass, nor SSH_ASKPASS.
  GIT_ASKPASS: '',
  SSH_ASKPASS_REQUIRE: 'never',
  LC_ALL: 'C',
}

/** The environment of our git children: the given one without what would mislead git, and with what keeps it quiet and read-only. */
export function cleanEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const clean: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || REMOVED.has(name) || CONFIG_PAIR.test(name)) continue
    clean[name] = value
  }
  return { ...clean, ...FIXED }
}

/**
 * `name=value` settings of every git call: no hook, no file system monitor (it is a program of the repository's choice), no descent into
 * submodules. `trusted`: folders whose owner git need not check; git honours `safe.directory` from the command line.
 */
export function fixedSettings(trusted: readonly string[]): string[] {
  return [
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'submodule.recurse=false',
    ...trusted.map((folder) => `safe.directory=${folder}`),
  ]
}
