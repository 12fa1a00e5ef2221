import { readdirSync, readFileSync } from 'node:fs';

/**
 * The files of the page that have such an end: path below src/, text. Called while tests are collected: within a test, the
 * reading of hundreds of files from a slow disk would count against its five seconds.
 */
export const sources = (ending: RegExp) =>
  readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((f) => ending.test(f))
    .map((f) => [f, readFileSync('src/' + f, 'utf8')] as const);
