import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { alias } from './aliases.ts';
import { locales } from './locales.ts';

// ATELIER_SERVER: where `npm run dev` finds the server.
const server = process.env.ATELIER_SERVER ?? 'http://127.0.0.1:8420';

/** What the first page begins with: what everybody needs, and the chat. */
const [main, shell, signin] = ['./src/main.ts', './src/app/Shell.svelte', './src/features/signin/index.ts'].map((path) => fileURLToPath(new URL(path, import.meta.url))) as [string, string, string];

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
    handler(html, { bundle, path }) {
      if (!path.endsWith('/index.html')) return;
      const chunks = Object.values(bundle ?? {}).filter((c) => c.type === 'chunk');
      const files = new Set<string>();
      const add = (name: string | undefined) => {
        const chunk = chunks.find((c) => c.fileName === name);
        if (!chunk || files.has(chunk.fileName)) return;
        files.add(chunk.fileName);
        chunk.imports.forEach(add);
      };
      add(chunks.find((c) => c.moduleIds.some((id) => id.endsWith('/app/Shell.svelte')))?.fileName);
      const more = [...files].filter((f) => !html.includes(f)).map((f) => './' + f);
      return more.length ? [{ tag: 'meta', attrs: { name: 'atelier-shell', content: more.join(' ') }, injectTo: 'head-prepend' }] : [];
    },
  },
});

interface Graph {
  getModuleInfo(id: string): { importedIds: readonly string[] } | null;
}

/**
 * The first page in two files, since each costs a request and its turn on the thread: what every page needs (`first`), and
 * what the chat adds to it (`shell`).
 */
function firstFiles(): (id: string, graph: Graph) => string | null {
  const known = new Map<string, Set<string>>();
  const from = (root: string, graph: Graph) => {
    const found = known.get(root) ?? new Set<string>();
    const ask = known.has(root) ? [] : [root];
    known.set(root, found);
    for (let id = ask.pop(); id !== undefined; id = ask.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      ask.push(...(graph.getModuleInfo(id)?.importedIds ?? []));
    }
    return found;
  };
  return (id, graph) => (from(main, graph).has(id) ? 'first' : from(shell, graph).has(id) ? 'shell' : null);
}

/** What loads other files: the frame of the diagrams needs it too, and must not run the page for it. */
const loader = { name: 'loader', test: /preload-helper|rolldown-runtime|rolldown\/runtime/, priority: 1 };

// `vite build --mode gallery`: the gallery of the design's parts instead of the page.
export default defineConfig(({ mode }) => ({
  // Relative addresses, so that the page also works below a path of a reverse proxy.
  base: './',
  plugins: [fonts(), tailwindcss(), svelte(), locales(mode === 'gallery' ? [] : [main, shell, signin]), chatFiles()],
  resolve: {
    alias: { ...alias, '@formatjs/icu-messageformat-parser': '@formatjs/icu-messageformat-parser/no-parser.js' },
  },
  build: {
    target: 'es2022',
    // The content security policy allows no data: styles or scripts.
    assetsInlineLimit: 0,
    // The libraries for diagrams and charts have such parts; they are loaded when one is met.
    chunkSizeWarningLimit: 900,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: mode === 'gallery' ? 'gallery.html' : ['index.html', 'diagram.html'],
      ...(mode !== 'gallery' && { output: { codeSplitting: { groups: [loader, { name: firstFiles(), test: /\.(svelte|[jt]s|json)(\?|$)/ }] } } }),
    },
    ...(mode === 'gallery' && { outDir: 'dist-gallery', minify: false }),
  },
  server: { proxy: { '/api': server, '/stream': server, '/health': server } },
}));
