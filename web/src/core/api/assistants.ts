import { http, take } from './client';
import type { AssistantFields, ShareNew } from './types';

const at = (id: string) => ({ params: { path: { id } } });

export const listAssistants = async () => (await take(http.GET('/api/v1/assistants'))).items;
export const createAssistant = (body: AssistantFields & { name: string }) => take(http.POST('/api/v1/assistants', { body }));
export const changeAssistant = (id: string, body: AssistantFields) => take(http.PATCH('/api/v1/assistants/{id}', { ...at(id), body }));
export const deleteAssistant = (id: string) => take(http.DELETE('/api/v1/assistants/{id}', at(id)));
export const duplicateAssistant = (id: string) => take(http.POST('/api/v1/assistants/{id}/duplicate', at(id)));
/** What new chats begin with; null: none. */
export const setDefault = (assistant_id: string | null, scope: 'user' | 'instance') => take(http.PUT('/api/v1/assistants/default', { body: { assistant_id, scope } }));
/** What it was, the newest first; that is what it is. */
export const listVersions = async (id: string) => (await take(http.GET('/api/v1/assistants/{id}/versions', at(id)))).items;
export const rollBack = (id: string, version: number) => take(http.POST('/api/v1/assistants/{id}/rollback', { ...at(id), body: { version } }));
export const listShares = async (id: string) => (await take(http.GET('/api/v1/assistants/{id}/grants', at(id)))).grants;
export const setShares = (id: string, grants: ShareNew[]) => take(http.PUT('/api/v1/assistants/{id}/grants', { ...at(id), body: { grants } }));
