import { http, take } from './client';
import type { TurnStarted } from './types';

export interface TurnRequest {
  content?: string;
  continue?: boolean;
  /** The answer that the question stands below; the last one of the branch shown without it. */
  parent_id?: string;
  /** The question in whose place `content` is asked, beside it. */
  edit?: string;
  /** The answer beside which another one is written. */
  regenerate?: string;
  /** An answer that is being written is stopped first. */
  stop?: boolean;
  /** The pictures of the question, by their ids. */
  attachments?: string[];
  /** The collections of documents that the answer draws on. */
  collection_ids?: string[];
  /** Single documents beside these. */
  document_ids?: string[];
  /** The tools that may be used for the answer; true: all. */
  tools?: true | string[];
  model?: string;
  /** In its place: two to four that answer side by side. */
  models?: string[];
  /** Where the person is, for tools that ask for it. */
  time_zone?: string;
  /** The person's language, for instructions that ask for it. */
  language?: string;
}

/** Starts a turn, at once; it is then followed (`core/live`) as by any other reader of it. */
export const startTurn = async (conversation: string, body: TurnRequest): Promise<TurnStarted> =>
  // The answer is a stream only for those who ask for one.
  (await take(
    http.POST('/api/v1/conversations/{id}/turns', { params: { path: { id: conversation } }, body }),
  )) as TurnStarted;
export const cancelTurn = (id: string) => take(http.POST('/api/v1/turns/{id}/cancel', { params: { path: { id } } }));
