import jupyter from '@jupyter/eslint-plugin';
import typescript from '@typescript-eslint/eslint-plugin';
import parser from '@typescript-eslint/parser';
import prettier from 'eslint-config-prettier';

const [sources] = [jupyter.configs.recommended].flat();

export default [
  { ignores: ['lib/**', 'node_modules/**', 'src/generated.ts'] },
  ...typescript.configs['flat/recommended'],
  prettier,
  {
    ...sources,
    // Its recommended configuration names the plugin's rules without registering it.
    plugins: { jupyter },
    files: ['src/**/*.{ts,tsx}', 'test/**/*.{ts,tsx}'],
    languageOptions: { parser },
    rules: {
      ...sources.rules,
      // The panel follows jobs and the notebook in front from the start.
      'jupyter/prefer-lazy-imports': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error',
      'no-console': 'error'
    }
  },
  {
    files: ['test/**/*.{ts,tsx}'],
    rules: {
      'jupyter/no-untranslated-string': 'off',
      'jupyter/command-described-by': 'off'
    }
  }
];
