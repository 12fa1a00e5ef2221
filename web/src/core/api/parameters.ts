import { http, take } from './client';

/** What can be said of how answers are made: the table of the server. */
export const listParameters = async () => (await take(http.GET('/api/v1/parameters'))).items;

export interface Place {
  model?: string;
  assistant_id?: string;
  conversation_id?: string;
}
/** What an answer would be made with there, and who says so. */
export const effectiveParameters = async (query: Place) => (await take(http.GET('/api/v1/parameters/effective', { params: { query } }))).items;
