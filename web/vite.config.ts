import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig, type Plugin } from 'vite';
import { alias } from './aliases.ts';
import { locales } from './locales.ts';

// ATELIER_SERVER: where `npm run dev` finds the server.
const server = process.env.ATELIER_SERVER ?? 'http://127.0.0.1:8420';

/** Of the fonts for formulas the one form that every browser reads. */
const fonts = (): Plugin => ({
  name: 'woff2-only',
  enforce: 'pre',
  transform: (code, id) =>
    /katex[^?]*\.css/.test(id) ? code.replace(/,\s*url\([^)]+\)\s*format\("(?:woff|truetype)"\)/g, '') : undefined,
});

/** Names the files of the chat in the page, for theme.js: whoever is signed in needs them at once. */
const chatFiles = (): Plugin => ({
  name: 'chat-files',
  transformIndexHtml: {
    order: 'post',
    handler(html, { bundle }) {
      const chunks = Object.values(bundle ?? {}).filter((c) => c.type === 'chunk');
      const files = new Set<string>();
      const add = (name: string | undefined) => {
        const chunk = chunks.find((c) => c.fileName === name);
        if (!chunk || files.has(chunk.fileName)) return;
        files.add(chunk.fileName);
        chunk.imports.forEach(add);
      };
      add(chunks.find((c) => c.facadeModuleId?.endsWith('/app/Shell.svelte'))?.fileName);
      const more = [...files].filter((f) => !html.includes(f)).map((f) => './' + f);
      return more.length ? [{ tag: 'meta', attrs: { name: 'atelier-shell', content: more.join(' ') }, injectTo: 'head-prepend' }] : [];
    },
  },
});

// `vite build --mode gallery`: the gallery of the design's parts instead of the page.
export default defineConfig(({ mode }) => ({
  // Relative addresses, so that the page also works below a path of a reverse proxy.
  base: './',
  plugins: [fonts(), tailwindcss(), locales(), svelte(), chatFiles()],
  resolve: {
    alias: { ...alias, '@formatjs/icu-messageformat-parser': '@formatjs/icu-messageformat-parser/no-parser.js' },
  },
  build: {
    target: 'es2022',
    // The content security policy allows no data: styles or scripts.
    assetsInlineLimit: 0,
    // The library for diagrams has one such part; it is loaded when a diagram is met.
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: mode === 'gallery' ? 'gallery.html' : ['index.html', 'diagram.html'] },
    ...(mode === 'gallery' && { outDir: 'dist-gallery' }),
  },
  server: { proxy: { '/api': server, '/stream': server, '/health': server } },
}));
