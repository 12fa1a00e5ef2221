import { http, take } from './client';
import type { FolderFields } from './types';

const at = (id: string) => ({ path: { id } });

export const listFolders = () => take(http.GET('/api/v1/folders'));
export const createFolder = (name: string) => take(http.POST('/api/v1/folders', { body: { name } }));
export const changeFolder = (id: string, body: FolderFields) => take(http.PATCH('/api/v1/folders/{id}', { params: at(id), body }));
export const deleteFolder = (id: string) => take(http.DELETE('/api/v1/folders/{id}', { params: at(id) }));
export const listTags = () => take(http.GET('/api/v1/tags'));
