import { http, take } from './client';

export const listManual = async () => (await take(http.GET('/api/v1/manual'))).items;
export const getManualPage = (slug: string) => take(http.GET('/api/v1/manual/{slug}', { params: { path: { slug } } }));
