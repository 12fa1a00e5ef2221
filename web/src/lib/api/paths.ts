/**
 * The API's addresses in the form that openapi-fetch understands: the same form that openapi-typescript generates, so
 * that this file can give way to the generated one.
 */
import type {
  Conversation,
  ErrorBody,
  Login,
  ManualEntry,
  ManualPage,
  Message,
  ModelList,
  Page,
  TurnAccepted,
  User,
} from './types';

interface Json<T> {
  headers: Record<string, unknown>;
  content: { 'application/json': T };
}

interface Failure {
  default: Json<ErrorBody>;
}

type Answer<S extends number, T> = { responses: { [K in S]: Json<T> } & Failure };
type Empty<S extends number> = { responses: { [K in S]: { headers: Record<string, unknown>; content?: never } } & Failure };
type Body<T> = { requestBody: { content: { 'application/json': T } } };
type Path<T> = { parameters: { path: T } };

export interface paths {
  '/api/v1/auth/login': { post: Body<{ username: string; password: string }> & Answer<200, Login> };
  '/api/v1/auth/logout': { post: Empty<204> };
  '/api/v1/setup': {
    get: Answer<200, { needed: boolean }>;
    post: Body<{ code: string; username: string; password: string }> & Answer<200, Login>;
  };
  '/api/v1/me': { get: Answer<200, User> };
  '/api/v1/me/password': { post: Body<{ current_password: string; new_password: string }> & Empty<204> };
  '/api/v1/conversations': {
    get: { parameters: { query?: { q?: string; cursor?: string; limit?: number } } } & Answer<200, Page<Conversation>>;
    post: Body<{ title?: string; model?: string }> & Answer<201, Conversation>;
  };
  '/api/v1/conversations/{id}': {
    get: Path<{ id: string }> & Answer<200, Conversation>;
    patch: Path<{ id: string }> & Body<{ title?: string; model?: string }> & Answer<200, Conversation>;
    delete: Path<{ id: string }> & Empty<204>;
  };
  '/api/v1/conversations/{id}/messages': {
    get: { parameters: { path: { id: string }; query?: { before?: string; limit?: number } } } & Answer<
      200,
      Page<Message>
    >;
  };
  '/api/v1/conversations/{id}/turns': {
    post: Path<{ id: string }> &
      Body<{ content?: string; continue?: boolean; model?: string }> &
      Answer<202, TurnAccepted>;
  };
  '/api/v1/turns/{id}/cancel': { post: Path<{ id: string }> & Answer<202, Record<string, never>> };
  '/api/v1/models': { get: Answer<200, ModelList> };
  '/api/v1/models/refresh': { post: Answer<200, ModelList> };
  '/api/v1/manual': { get: Answer<200, { items: ManualEntry[] }> };
  '/api/v1/manual/{slug}': { get: Path<{ slug: string }> & Answer<200, ManualPage> };
}
