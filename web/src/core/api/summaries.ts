import { http, take } from './client';
import type { Summary } from './types';

const at = (id: string) => ({ params: { path: { id } } });

/** What stands for the beginning of the branch shown; an error 404: nothing does. */
export const summaryOf = (conversation: string): Promise<Summary> => take(http.GET('/api/v1/conversations/{id}/summary', at(conversation)));
export const changeSummary = (id: string, text: string): Promise<Summary> => take(http.PATCH('/api/v1/summaries/{id}', { ...at(id), body: { text } }));
/** It is made anew when it is needed. */
export const deleteSummary = (id: string) => take(http.DELETE('/api/v1/summaries/{id}', at(id)));
