/** The shapes of the API's JSON. Everything else in the page imports them from here. */

export interface User {
  id: string;
  username: string;
  display_name: string;
  role: string;
  created_at: string;
}

export interface Login {
  token: string;
  token_type: string;
  expires_at: string;
  user: User;
}

export interface Conversation {
  id: string;
  title: string;
  model: string | null;
  message_count: number;
  tokens_in: number;
  tokens_out: number;
  created_at: string;
  updated_at: string;
  running_turn_id: string | null;
}

export type MessageState = 'complete' | 'running' | 'canceled' | 'failed' | 'interrupted';

export interface Citation {
  n: number;
  title: string;
  url: string;
  quote: string;
}

export interface TurnError {
  code: string;
  message: string;
}

export interface Message {
  id: string;
  conversation_id: string;
  parent_id: string | null;
  role: 'user' | 'assistant';
  content: string;
  reasoning: string | null;
  state: MessageState;
  model: string | null;
  turn_id: string | null;
  citations: Citation[];
  error: TurnError | null;
  finish_reason: string | null;
  tokens_in: number | null;
  tokens_out: number | null;
  tokens_exact: boolean;
  first_token_ms: number | null;
  duration_ms: number | null;
  created_at: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface TurnAccepted {
  turn_id: string;
  conversation_id: string;
  user_message_id: string | null;
  message_id: string;
  stream_url: string;
  expires_at: string;
}

export interface Model {
  id: string;
  name: string;
  provider: string;
  kind: string;
  size_bytes: number | null;
  family: string | null;
  parameters: string | null;
  quantization: string | null;
  context_length: number | null;
  capabilities: string[];
}

export interface Provider {
  name: string;
  kind: string;
  state: 'ok' | 'unreachable' | 'checking';
  error: string | null;
  url: string | null;
}

export interface ModelList {
  items: Model[];
  default: string | null;
  providers: Provider[];
}

export interface ManualEntry {
  slug: string;
  title: string;
}

export interface ManualPage extends ManualEntry {
  body: string;
}

export interface ErrorBody {
  error: { code: string; message: string; request_id: string; retryable: boolean };
}

/** What the change feed says. */
export interface Change {
  kind: 'conversation' | 'turn';
  id: string;
  turn_id?: string;
  what: 'created' | 'updated' | 'deleted' | 'started' | 'ended';
}
