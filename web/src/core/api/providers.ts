import { http, take } from './client';
import type { ProviderFields } from './types';

const at = (id: string) => ({ params: { path: { id } } });

export const listProviders = async () => (await take(http.GET('/api/v1/providers'))).items;
export const createProvider = (body: ProviderFields & { name: string; kind: NonNullable<ProviderFields['kind']> }) =>
  take(http.POST('/api/v1/providers', { body }));
export const changeProvider = (id: string, body: ProviderFields) =>
  take(http.PATCH('/api/v1/providers/{id}', { ...at(id), body }));
export const deleteProvider = (id: string) => take(http.DELETE('/api/v1/providers/{id}', at(id)));
/** Of a stored provider (`id`), what is absent is taken from what is stored. */
export const testProvider = (body: Pick<ProviderFields, 'kind' | 'url' | 'key' | 'version' | 'proxy'> & { id?: string }) =>
  take(http.POST('/api/v1/providers/test', { body }));
