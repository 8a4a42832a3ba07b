// The integrations that come with trueup, by name; each is loaded when it is used.
export const builtins: Readonly<Record<string, () => Promise<{ readonly default: unknown }>>> = {
  'managed-files': () => import('../../integrations/managed-files/index.js'),
  'postgres-access': () => import('../../integrations/postgres-access/index.js'),
}
