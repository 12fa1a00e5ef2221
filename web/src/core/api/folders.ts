import { http, take } from './client';
import type { FolderFields, ShareNew } from './types';

const at = (id: string) => ({ path: { id } });

export const listFolders = () => take(http.GET('/api/v1/folders'));
export const createFolder = (name: string) => take(http.POST('/api/v1/folders', { body: { name } }));
export const changeFolder = (id: string, body: FolderFields) => take(http.PATCH('/api/v1/folders/{id}', { params: at(id), body }));
export const deleteFolder = (id: string) => take(http.DELETE('/api/v1/folders/{id}', { params: at(id) }));
export const listShares = async (id: string) => (await take(http.GET('/api/v1/folders/{id}/grants', { params: at(id) }))).grants;
export const setShares = (id: string, grants: ShareNew[]) => take(http.PUT('/api/v1/folders/{id}/grants', { params: at(id), body: { grants } }));
export const listTags = () => take(http.GET('/api/v1/tags'));
