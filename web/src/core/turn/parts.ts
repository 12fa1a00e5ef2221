import type { Part } from '../api/types';

/** The call whose agent a part is of; undefined: it is the answer's own. */
export const parentOf = (part: Part): string | undefined => ('parent' in part ? part.parent : undefined);

/** All words of a kind that are the answer's own, put together. */
const words = (parts: readonly Part[], type: 'text' | 'reasoning') => parts.map((p) => (p.type === type && !p.parent ? p.text : '')).join('');

export const textOf = (parts: readonly Part[]): string => words(parts, 'text');
export const reasoningOf = (parts: readonly Part[]): string => words(parts, 'reasoning');
export const citationsOf = (parts: readonly Part[]) => parts.filter((p) => p.type === 'citation').sort((a, b) => a.n - b.n);
export const picturesOf = (parts: readonly Part[]) => parts.filter((p) => p.type === 'image');
export const callsTools = (parts: readonly Part[]): boolean => parts.some((p) => p.type === 'tool_call');
