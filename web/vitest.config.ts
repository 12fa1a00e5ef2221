import { defineConfig } from 'vitest/config';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { alias } from './aliases.ts';
import { locales } from './locales.ts';

export default defineConfig({
  plugins: [locales(), svelte()],
  resolve: { alias },
  test: { include: ['tests/**/*.test.ts'], environment: 'jsdom', testTimeout: 20_000 },
});
