import { http, take } from './client';
import type { Job, Task } from './types';

const at = (id: string) => ({ params: { path: { id } } });
const all = { params: { query: { all: true } } };

export const listModels = () => take(http.GET('/api/v1/models'));
export const refreshModels = () => take(http.POST('/api/v1/models/refresh'));

// For administrators; these also tell of hidden models.
export const listAllModels = () => take(http.GET('/api/v1/models', all));
export const refreshAllModels = () => take(http.POST('/api/v1/models/refresh', all));
export const setTasks = (body: Partial<Record<Task, string | null>>) => take(http.PUT('/api/v1/models/tasks', { body }));
export const overrideModel = (model: string, fields: { name?: string | null; hidden?: boolean }) =>
  take(http.PUT('/api/v1/models/override', { body: { model, ...fields } }));
export const modelDetails = (model: string) => take(http.GET('/api/v1/models/details', { params: { query: { model } } }));
export const pullModel = async (model: string, provider?: string) =>
  (await take(http.POST('/api/v1/models/pull', { body: { model, provider } }))) as Job;
export const loadModel = (model: string) => take(http.POST('/api/v1/models/load', { ...all, body: { model } }));
export const unloadModel = (model: string) => take(http.POST('/api/v1/models/unload', { ...all, body: { model } }));
export const removeModel = (model: string) => take(http.POST('/api/v1/models/delete', { ...all, body: { model } }));
export const copyModel = (model: string, destination: string, overwrite = false) =>
  take(http.POST('/api/v1/models/copy', { ...all, body: { model, destination, overwrite } }));

export const listRoutes = async () => (await take(http.GET('/api/v1/models/routes'))).items;
export const createRoute = (pattern: string, targets: string[]) =>
  take(http.POST('/api/v1/models/routes', { body: { pattern, targets } }));
export const changeRoute = (id: string, pattern: string, targets: string[]) =>
  take(http.PATCH('/api/v1/models/routes/{id}', { ...at(id), body: { pattern, targets } }));
export const deleteRoute = (id: string) => take(http.DELETE('/api/v1/models/routes/{id}', at(id)));
