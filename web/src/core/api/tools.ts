import { base, http, take } from './client';
import type { Decision } from './types';

type Untyped = <T>(path: string, init: object) => Promise<{ data?: T; error?: unknown; response: Response }>;
const post = http.POST as unknown as Untyped;
const get = http.GET as unknown as Untyped;

/** Says whether a call may run; the turn goes on when nothing else of it is undecided. */
export const decide = (turn: string, call: string, decision: Decision, reason?: string) =>
  take(post('/api/v1/turns/{id}/approvals/{call_id}', { params: { path: { id: turn, call_id: call } }, body: { decision, reason } }));
export const answerQuestion = (turn: string, question: string, action: 'accept' | 'decline' | 'cancel', content?: Record<string, unknown>) =>
  take(post('/api/v1/turns/{id}/answers/{question_id}', { params: { path: { id: turn, question_id: question } }, body: { action, content } }));
/** All that a tool has said, of which the message keeps a part. */
export const wholeResult = (turn: string, call: string) => take(get<{ result: string }>('/api/v1/turns/{id}/calls/{call_id}', { params: { path: { id: turn, call_id: call } } }));
export const fileUrl = (id: string) => `${base}/api/v1/files/${encodeURIComponent(id)}`;
export const listTools = async () => (await take(http.GET('/api/v1/tools'))).items;
