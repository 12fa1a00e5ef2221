import { http, take } from './client';
import type { PromptFields, ShareNew } from './types';

const at = (id: string) => ({ params: { path: { id } } });

export const listPrompts = async () => (await take(http.GET('/api/v1/prompts'))).items;
export const createPrompt = (body: PromptFields & { name: string; body: string }) => take(http.POST('/api/v1/prompts', { body }));
export const changePrompt = (id: string, body: PromptFields) => take(http.PATCH('/api/v1/prompts/{id}', { ...at(id), body }));
export const deletePrompt = (id: string) => take(http.DELETE('/api/v1/prompts/{id}', at(id)));
export const duplicatePrompt = (id: string) => take(http.POST('/api/v1/prompts/{id}/duplicate', at(id)));
/** Which tag of a text is not closed, or closes nothing. */
export const checkPrompt = (body: string) => take(http.POST('/api/v1/prompts/check', { body: { body } }));
/** What it was, the newest first; that is what it is. */
export const listVersions = async (id: string) => (await take(http.GET('/api/v1/prompts/{id}/versions', at(id)))).items;
export const rollBack = (id: string, version: number) => take(http.POST('/api/v1/prompts/{id}/rollback', { ...at(id), body: { version } }));
export const listShares = async (id: string) => (await take(http.GET('/api/v1/prompts/{id}/grants', at(id)))).grants;
export const setShares = (id: string, grants: ShareNew[]) => take(http.PUT('/api/v1/prompts/{id}/grants', { ...at(id), body: { grants } }));
