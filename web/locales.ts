import { parse } from '@formatjs/icu-messageformat-parser';
import type { Plugin } from 'vite';

/** Messages with arguments are parsed here, when the page is built: the browser gets their trees. */
export function compile(messages: Record<string, string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(messages).map(([key, text]) => [key, /[{<']/.test(text) ? tree(key, text) : text]));
}

function tree(key: string, text: string): unknown {
  try {
    return parse(text, { captureLocation: false, shouldParseSkeletons: true });
  } catch (e) {
    throw new Error(`${key}: ${(e as Error).message}: ${text}`);
  }
}

export const locales = (): Plugin => ({
  name: 'locales',
  enforce: 'pre',
  transform: {
    filter: { id: /\/locales\/[\w-]+\.json$/ },
    handler: (code) => ({ code: `export default ${JSON.stringify(compile(JSON.parse(code)))}`, map: null, moduleType: 'js' }),
  },
});
