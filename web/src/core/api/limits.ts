import { http, take } from './client';
import type { LimitNew } from './types';

const at = (id: string) => ({ params: { path: { id } } });

export interface PriceFields {
  pattern: string;
  input_micros: number;
  cached_micros: number | null;
  output_micros: number;
  request_micros: number;
}

export const listPrices = () => take(http.GET('/api/v1/prices'));
export const createPrice = (body: PriceFields) => take(http.POST('/api/v1/prices', { body }));
export const changePrice = (id: string, body: PriceFields) => take(http.PATCH('/api/v1/prices/{id}', { ...at(id), body }));
export const deletePrice = (id: string) => take(http.DELETE('/api/v1/prices/{id}', at(id)));

export const listLimits = () => take(http.GET('/api/v1/limits'));
export const createLimit = (body: LimitNew) => take(http.POST('/api/v1/limits', { body }));
export const changeLimit = (id: string, amount: number) =>
  take(http.PATCH('/api/v1/limits/{id}', { ...at(id), body: { amount } }));
export const deleteLimit = (id: string) => take(http.DELETE('/api/v1/limits/{id}', at(id)));

export const listGroups = async () => (await take(http.GET('/api/v1/groups'))).items;
export const createGroup = (name: string) => take(http.POST('/api/v1/groups', { body: { name } }));
export const renameGroup = (id: string, name: string) => take(http.PATCH('/api/v1/groups/{id}', { ...at(id), body: { name } }));
export const setMembers = (id: string, user_ids: string[]) =>
  take(http.PUT('/api/v1/groups/{id}/members', { ...at(id), body: { user_ids } }));
export const deleteGroup = (id: string) => take(http.DELETE('/api/v1/groups/{id}', at(id)));
