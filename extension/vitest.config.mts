import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    include: ['test/**/*.spec.{ts,tsx}'],
    setupFiles: ['test/setup.ts'],
    server: { deps: { inline: [/@jupyter/, /@lumino/, /@microsoft/] } }
  },
  esbuild: { jsx: 'transform' }
});
