// Lint rules: types checked everywhere in TypeScript; the process, the clock and timers stay where ARCHITECTURE puts them.
import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const typescript = ['src/**/*.ts', 'integrations/**/*.ts', 'test/**/*.ts', '*.config.ts']

const handedIn = 'comes in as an argument; only src/cli and src/util/clock.ts touch the process and its clock'
const timers = ['setTimeout', 'setInterval', 'setImmediate']

/** Without names, the whole module. */
function banned(name, importNames) {
  return { name, message: `what it gives ${handedIn}`, ...(importNames && { importNames }) }
}

export default defineConfig(
  { ignores: ['dist/', '.dist-*/', 'coverage/', '.trueup/', 'test/fixtures/', '**/*.d.ts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'performance', 'URL', 'Buffer', 'fetch', 'AbortController', ...timers].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
  },
  {
    files: ['bin/**/*.js'],
    languageOptions: { sourceType: 'commonjs', globals: { __dirname: 'readonly', __filename: 'readonly' } },
  },
  {
    files: typescript,
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: 'error',
      // Numbers read well in texts; everything else must be made text on purpose.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // Switched off, at most eight in all:
      // 1. Ports are made of promises; an adapter in memory, or a test's stand-in, keeps them without awaiting anything.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // 2. Rigs, stores and clocks are objects of closures or stand-ins; tests take them apart.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: typescript,
    rules: {
      'no-restricted-properties': [
        'error',
        ...['mock', 'doMock', 'hoisted'].map((property) => ({
          object: 'vi',
          property,
          message: 'what needs a module mock needs a port: hand the dependency in',
        })),
      ],
    },
  },
  {
    files: ['src/**/*.ts', 'integrations/**/*.ts'],
    ignores: ['src/cli/**', 'src/util/clock.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['env', 'exit', 'exitCode', 'argv', 'stdout', 'stderr', 'stdin'].map((property) => ({
          object: 'process',
          property,
          message: `process.${property} ${handedIn}`,
        })),
        { object: 'Date', property: 'now', message: `the time ${handedIn}` },
        { object: 'Math', property: 'random', message: `randomness ${handedIn}` },
      ],
      'no-restricted-globals': [
        'error',
        ...['console', ...timers].map((name) => ({ name, message: `${name} ${handedIn}` })),
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            ...['timers', 'timers/promises'].flatMap((name) => [banned(name, timers), banned(`node:${name}`, timers)]),
            ...['console', 'process'].flatMap((name) => [banned(name), banned(`node:${name}`)]),
          ],
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: `the time ${handedIn}` },
        { selector: "CallExpression[callee.name='Date']", message: `the time ${handedIn}` },
      ],
    },
  },
)
