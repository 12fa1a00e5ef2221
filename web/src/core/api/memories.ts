import { http, take } from './client';

const at = (id: string) => ({ params: { path: { id } } });

/** What models are told of a person, in the order of making. */
export const listMemories = async () => (await take(http.GET('/api/v1/memories'))).items;
export const createMemory = (text: string) => take(http.POST('/api/v1/memories', { body: { text } }));
export const changeMemory = (id: string, text: string) => take(http.PATCH('/api/v1/memories/{id}', { ...at(id), body: { text } }));
export const deleteMemory = (id: string) => take(http.DELETE('/api/v1/memories/{id}', at(id)));
/** Whether they are told at all. */
export const memoriesEnabled = async () => (await take(http.GET('/api/v1/memories/settings'))).enabled;
export const enableMemories = (enabled: boolean) => take(http.PUT('/api/v1/memories/settings', { body: { enabled } }));
