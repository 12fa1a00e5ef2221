import { base, http, take } from './client';
import type { Decision, ShareNew, ToolFile, ToolServerFields, ToolServerNew } from './types';

const at = (id: string) => ({ params: { path: { id } } });

/** Says whether a call may run; the turn goes on when nothing else of it is undecided. */
export const decide = (turn: string, call: string, decision: Decision, reason?: string) =>
  take(http.POST('/api/v1/turns/{id}/approvals/{call_id}', { params: { path: { id: turn, call_id: call } }, body: { decision, reason } }));
export const answerQuestion = (turn: string, question: string, action: 'accept' | 'decline' | 'cancel', content?: Record<string, unknown>) =>
  take(http.POST('/api/v1/turns/{id}/answers/{question_id}', { params: { path: { id: turn, question_id: question } }, body: { action, content: content as never } }));
/** Ends one call that runs, with all beneath it; the answer goes on. */
export const stopCall = (turn: string, call: string) => take(http.POST('/api/v1/turns/{id}/calls/{call_id}/stop', { params: { path: { id: turn, call_id: call } } }));
/** Of an answer that is not kept the file is all that there is of it. */
export const fileUrl = ({ id, media_type, data }: ToolFile) =>
  id ? `${base}/api/v1/files/${encodeURIComponent(id)}` : `data:${media_type};base64,${data ?? ''}`;
export const listTools = async () => (await take(http.GET('/api/v1/tools'))).items;
export const changeTool = (name: string, body: { enabled?: boolean; asks?: boolean; for_all?: boolean }) => take(http.PATCH('/api/v1/tools/{name}', { params: { path: { name } }, body }));
/** Runs it once, as a person tries it: nothing asks then. */
export const tryTool = (name: string, args: Record<string, unknown>) => take(http.POST('/api/v1/tools/{name}/run', { params: { path: { name } }, body: { arguments: args as never } }));
export const listToolRules = async () => (await take(http.GET('/api/v1/tool-rules'))).items;
export const deleteToolRule = (id: string) => take(http.DELETE('/api/v1/tool-rules/{id}', at(id)));

export const listToolServers = async () => (await take(http.GET('/api/v1/tool-servers'))).items;
export const createToolServer = (body: ToolServerNew) => take(http.POST('/api/v1/tool-servers', { body: body as never }));
export const changeToolServer = (id: string, body: ToolServerFields) => take(http.PATCH('/api/v1/tool-servers/{id}', { ...at(id), body: body as never }));
export const deleteToolServer = (id: string) => take(http.DELETE('/api/v1/tool-servers/{id}', at(id)));
export const refreshToolServer = (id: string) => take(http.POST('/api/v1/tool-servers/{id}/refresh', at(id)));
/** Where the person signs in to it; the page that it comes back to tells the server. */
export const loginToolServer = (id: string) => take(http.POST('/api/v1/tool-servers/{id}/login', at(id)));
/** The end of what its program wrote on its standard error. */
export const readToolServerLog = (id: string) => take(http.GET('/api/v1/tool-servers/{id}/log', at(id)));
/** What opens it, in place of what did; of `personal` ones for whoever asks alone. Nothing in it: nothing opens it. */
export const setToolServerSecrets = (id: string, secrets: Record<string, unknown>, personal: boolean) =>
  take(http.PUT('/api/v1/tool-servers/{id}/secrets', { ...at(id), body: { secrets: secrets as never, personal } }));
/** Tries one that need not be stored; with an id its secrets are used where none are given. */
export const testToolServer = (body: Pick<ToolServerNew, 'kind' | 'config' | 'secrets'> & { id?: string; tool?: string; arguments?: Record<string, unknown> }) => take(http.POST('/api/v1/tool-servers/test', { body: body as never }));
export const listServerShares = async (id: string) => (await take(http.GET('/api/v1/tool-servers/{id}/grants', at(id)))).grants;
export const setServerShares = (id: string, grants: ShareNew[]) => take(http.PUT('/api/v1/tool-servers/{id}/grants', { ...at(id), body: { grants } }));
