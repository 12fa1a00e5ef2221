/**
 * The shapes of the API's JSON, by short names. They are generated from the server's own description of its API
 * (`npm run generate -- FILE` makes schema.d.ts from the output of `atelier openapi`), so that they cannot drift.
 */
import type { components } from './schema';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type Conversation = Schemas['Conversation'];
export type ConversationFields = Schemas['ConversationPatch'];
export type BulkChange = Omit<Schemas['ConversationsChange'], 'ids'> & { ids: string[] };
export type Folder = Schemas['Folder'];
export type FolderFields = Schemas['FolderPatch'];
export type Assistant = Schemas['Assistant'];
export type AssistantFields = Omit<Schemas['AssistantPatch'], 'starters'> & { starters?: string[] };
export type AssistantVersion = Schemas['AssistantVersion'];
export type ParameterRule = Schemas['ParameterRule'];
export type RuleFields = Schemas['ParameterRulePatch'];
export type Prompt = Schemas['Prompt'];
export type PromptFields = Schemas['PromptPatch'];
export type PromptVariable = Schemas['PromptVariable'];
export type PromptVersion = Schemas['PromptVersion'];
/** A group or a person that something can be shared with. */
export type Principal = Schemas['Principal'];
export type Share = Schemas['Share'];
export type ShareNew = Schemas['ShareNew'];
export type Parameters = Schemas['Parameters'];
export type Parameter = Schemas['Parameter'];
export type ParameterSaid = Schemas['ParameterSaid'];
export type Context = Schemas['Context'];
export type ContextDraft = Schemas['ContextDraft'];
/** What becomes of a chat that is longer than the model takes. */
export type WhenFull = Conversation['context'];
/** What stands in a prompt for the beginning of a chat. */
export type Summary = Schemas['Summary'];
export type SearchHit = Schemas['SearchHit'];
export type Tag = Schemas['Tag'];
export type Collection = Schemas['Collection'];
export type CollectionFields = Schemas['CollectionPatch'];
export type Document = Omit<Schemas['Document'], 'progress' | 'warnings'> & {
  progress?: { status: string; completed: number; total: number; unit: string } | null;
  warnings?: string[] | null;
};
export type DocumentFields = Schemas['DocumentPatch'];
export type DocumentHit = Schemas['DocumentHit'];
export type DocumentsFound = Schemas['DocumentsFound'];
export type Passage = Schemas['Passage'];

export type Tool = Schemas['Tool'];
export type ToolOutcome = Schemas['ToolOutcome'];
export type ToolRule = Schemas['ToolRule'];
export type ToolServer = Omit<Schemas['ToolServer'], 'config' | 'tools'> & { config: Record<string, unknown>; tools: { name: string }[] };
export type ToolServerFields = Omit<Schemas['ToolServerPatch'], 'config' | 'secrets'> & { config?: Record<string, unknown>; secrets?: Record<string, unknown> };
export type ToolServerNew = ToolServerFields & { kind: ToolServer['kind']; name: string; config: Record<string, unknown> };

/** What a message is made of; the document says it as one shape, this says which fields go with which type. */
export type CallPart = {
  type: 'tool_call';
  id: string;
  name: string;
  arguments: string;
  result: string | null;
  failed: boolean;
  /** Calls of one round were made together; from 1. */
  round?: number;
  /** The call whose agent made this one. */
  parent?: string;
  title?: string;
  /** builtin, or the id of a tool server. */
  source?: string;
  duration_ms?: number;
  /** The result as data. */
  structured?: unknown;
  files?: ToolFile[];
  /** The result is not all of it. */
  cut?: boolean;
  approval?: Approval;
  questions?: Question[];
};
/** What a tool has made, to be had by its id. */
export type ToolFile = {
  /** None of an answer that is not kept, which has the `data` itself, in base64. */
  id?: string;
  data?: string;
  name: string;
  media_type: string;
  size: number;
  /** All of a result that is cut. */
  whole?: boolean;
};
export type Decision = 'once' | 'conversation' | 'always' | 'deny';
/** Whether a call may run; without a decision it is waited for. */
export type Approval = {
  effect: 'writes' | 'destroys' | 'outside';
  expires_at: number;
  /** It had begun when the server ended: whether it was done is not known. */
  unknown?: boolean;
  decision?: Decision | 'expired' | 'canceled';
  reason?: string;
};
/** A question of a tool to the person; with an action it is answered. */
export type Question = {
  id: string;
  from: string;
  message: string;
  schema?: unknown;
  url?: string;
  expires_at?: number;
  action?: 'accept' | 'decline' | 'cancel' | 'expired';
};
export type Citation = {
  type: 'citation';
  n: number;
  title: string;
  url: string;
  quote: string;
  /** Of a passage of a document. */
  document_id?: string;
  passage_id?: string;
  heading?: string;
  page?: number;
  /** To be compared with the others of the same answer; 0: it was not searched for. */
  score?: number;
};
/** A picture of a question; its bytes are asked for by its id. */
export type ImagePart = { type: 'image'; id: string; media_type: string; width: number; height: number; name: string | null };
/** `count`, `tokens`: of the messages that it is about. */
export type NoticePart = { type: 'notice'; code: string; text: string; count?: number; tokens?: number; parent?: string };
export type PlanStep = { text: string; state: 'pending' | 'active' | 'done' };
/** What an answer is going to do, or an agent beneath it; the newest of each. */
export type PlanPart = { type: 'plan'; steps: readonly PlanStep[]; parent?: string };
/** Of a budget: what is used, of how much; without a limit of as much as it takes. */
export type Spent = { used?: number; limit?: number };
/** How far an answer has used what it may take, or an agent beneath it; the newest of each. */
export type BudgetPart = { type: 'budget'; steps: Spent; tokens: Spent; cost_micros: Spent; seconds: Spent; parent?: string };
export type Part =
  | { type: 'text'; text: string; parent?: string }
  | { type: 'reasoning'; text: string; parent?: string }
  | CallPart
  | Citation
  | ImagePart
  | NoticePart
  | PlanPart
  | BudgetPart;
export type Message = Omit<Schemas['Message'], 'parts' | 'siblings' | 'compared'> & { parts: Part[]; siblings: string[]; compared: string[] };
export type MessageState = Message['state'];
/** An answer that has begun: nothing of it waits. */
export type TurnStarted = Schemas['TurnStarted'] & { turn_id: string; message_id: string };
/** A question that waits: then nothing else is known yet; or one that was asked at once. */
export type TurnQueued = Schemas['TurnStarted'];
export type Queued = Schemas['QueuedMessage'];
export type Model = Schemas['Model'];
export type Provider = Schemas['Provider'];
export type ModelList = Schemas['Models'];
export type ManualEntry = Schemas['ManualTitle'];
export type ManualPage = Schemas['ManualPage'];
export type Task = keyof Schemas['ModelTasks'];
export type ModelDetails = Schemas['ModelDetails'];
export type ModelRoute = Schemas['ModelRoute'];
export type ProviderDetails = Schemas['ProviderDetails'];
export type ProviderFields = Schemas['ProviderPatch'];
export type ProviderTested = Schemas['ProviderTested'];
export type ApiKey = Schemas['Key'];
export type KeyNew = Schemas['KeyNew'];
export type Scope = NonNullable<KeyNew['scopes']>[number];
export type KeyMade = Schemas['KeyMade'];
export type Usage = Schemas['Usage'];
export type UsageSeries = Schemas['UsageSeries'];
export type UsagePoint = Schemas['UsagePoint'];
export type UsageSum = Schemas['UsageSum'];
export type Call = Schemas['Call'];
export type Price = Schemas['Price'];
export type Limit = Schemas['Limit'];
export type LimitNew = Schemas['LimitNew'];
export type VectorStore = Schemas['VectorStore'];
export type VectorStoreEdit = Schemas['VectorStoreEdit'];
export type Group = Schemas['Group'];
export type Account = Schemas['Account'];
export type Bootstrap = Schemas['Bootstrap'];
export type ConversationPage = Schemas['ConversationPage'];
export type PasswordLink = Schemas['PasswordLink'];
export type Grants = Schemas['Grants'];
export type AccountFields = Schemas['AccountPatch'];

/** How far a job is, in the shape of all kinds; a pull adds its layers, which are the files of a model. */
export interface JobProgress {
  status: string;
  completed: number;
  total: number;
  unit: string;
  layers?: { digest: string; completed: number; total: number }[];
}

/** The document says of `progress` that it is JSON; this says which. */
export type Job = Omit<Schemas['Job'], 'progress'> & { progress?: JobProgress | null };

/** What the data of a frame holds: `TextData` for `text`. */
type DataOf<E extends string> = `${Capitalize<E>}Data` extends keyof Schemas ? Schemas[`${Capitalize<E>}Data`] : never;

type Flat<F> = F extends { event: infer E extends string } ? { type: E } & DataOf<E> : never;

/** The events of the turn log: one union for the first stream and for the re-attached one. */
export type TurnEvent = Flat<Schemas['TurnEvent']>;

/** What the change feed says. */
export interface Change {
  kind: 'conversation' | 'turn' | 'job' | 'assistant' | 'prompt' | 'collection' | 'queue';
  /** The conversation's or the job's. */
  id: string;
  turn_id?: string;
  what: 'created' | 'updated' | 'deleted' | 'started' | 'waiting' | 'ended' | 'decided' | 'queued' | 'edited' | 'removed' | 'sent';
}
