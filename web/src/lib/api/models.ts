import { http, take } from './client';

export const listModels = () => take(http.GET('/api/v1/models'));
export const refreshModels = () => take(http.POST('/api/v1/models/refresh'));
