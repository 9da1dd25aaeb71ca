import jupyter from '@jupyter/eslint-plugin';
import typescript from '@typescript-eslint/eslint-plugin';
import parser from '@typescript-eslint/parser';
import prettier from 'eslint-config-prettier';

export default [
  { ignores: ['lib/**', 'node_modules/**', 'src/generated.ts'] },
  ...typescript.configs['flat/recommended'],
  ...(Array.isArray(jupyter.configs.recommended)
    ? jupyter.configs.recommended
    : [jupyter.configs.recommended]),
  prettier,
  {
    files: ['src/**/*.{ts,tsx}', 'test/**/*.{ts,tsx}'],
    languageOptions: { parser },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error'
    }
  }
];
