import { http, take } from './client';
import type { RuleFields } from './types';

/** What can be said of how answers are made: the table of the server. */
export const listParameters = async () => (await take(http.GET('/api/v1/parameters'))).items;

export interface Place {
  model?: string;
  assistant_id?: string;
  conversation_id?: string;
}
/** What an answer would be made with there, and who says so. */
export const effectiveParameters = async (query: Place) => (await take(http.GET('/api/v1/parameters/effective', { params: { query } }))).items;

const at = (id: string) => ({ params: { path: { id } } });

/** What administrators say of the answers of models. */
export const listRules = async () => (await take(http.GET('/api/v1/parameter-rules'))).items;
export const createRule = (body: RuleFields & { pattern: string }) => take(http.POST('/api/v1/parameter-rules', { body }));
export const changeRule = (id: string, body: RuleFields) => take(http.PATCH('/api/v1/parameter-rules/{id}', { ...at(id), body }));
export const deleteRule = (id: string) => take(http.DELETE('/api/v1/parameter-rules/{id}', at(id)));
