import { fileURLToPath } from 'node:url';

/** `$core/...` and the like are folders of `src`: one name each, wherever the import stands. tsconfig.json has them too. */
const folders = ['app', 'core', 'design', 'features', 'locales', 'state'];

export const alias = Object.fromEntries(folders.map((name) => ['$' + name, fileURLToPath(new URL('./src/' + name, import.meta.url))]));
