import jest from 'eslint-plugin-jest';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';

/** First words of a doc comment that leave its subject out: `Whether it is …`, `What the run …`. */
const SUBJECTLESS = 'What|Whether|Who|Whom|Whose|Where|When|How|Why|Of|As|As far as|So|That|Such|To|For';

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      'coverage/',
      'test/replay/histories/',
      '**/*.cjs',
      '**/*.mjs',
      'examples/',
      'src/client/manifest-types.ts',
    ],
  },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // `process.env['X']` is what noPropertyAccessFromIndexSignature asks for.
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    files: ['src/**'],
    plugins: { jsdoc },
    rules: {
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
      complexity: ['error', 15],
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 60, skipComments: true }],
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          require: { ClassDeclaration: true, FunctionDeclaration: true, MethodDefinition: false },
          contexts: [
            'TSInterfaceDeclaration',
            'TSTypeAliasDeclaration',
            'ExportNamedDeclaration > VariableDeclaration',
          ],
          checkConstructors: false,
          checkGetters: false,
        },
      ],
      'jsdoc/match-description': [
        'error',
        {
          contexts: ['any'],
          mainDescription: {
            match: `^(?!(?:${SUBJECTLESS})\\b)[\\s\\S]`,
            message: 'Start with what it does or is: "Returns…", "Reports…", "The account that…".',
          },
        },
      ],
      'jsdoc/check-param-names': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.name=/^mkdir(Sync)?$/] Property[key.name="recursive"]',
          message: 'it never ends in a file system such as /proc: call makeFolder of src/files/make-folder.ts',
        },
      ],
    },
  },
  {
    files: ['src/**'],
    ignores: ['src/config/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'src/config/config.ts reads the environment' },
      ],
    },
  },
  {
    // Workflow code runs again from its history: nothing in it may depend on anything else.
    files: ['src/workflows/**'],
    rules: {
      'no-restricted-globals': ['error', 'process', 'fetch', 'crypto', 'Buffer', 'require'],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*', '@aws-sdk/*', 'zod', '**/kinds/*', '**/aws/*'], allowTypeImports: true }] },
      ],
    },
  },
  {
    files: ['test/**', 'bench/**', 'scripts/**'],
    plugins: { jest },
    rules: {
      '@typescript-eslint/unbound-method': 'off',
      'jest/no-focused-tests': 'error',
      'jest/no-disabled-tests': 'error',
      'jest/no-identical-title': 'error',
    },
  },
);
