/**
 * The shapes of the API's JSON, by short names. They are generated from the server's own description of its API
 * (`npm run generate -- FILE` makes schema.d.ts from the output of `atelier openapi`), so that they cannot drift.
 */
import type { components } from './schema';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type Conversation = Schemas['Conversation'];
export type Message = Schemas['Message'];
export type MessageState = Message['state'];
export type Citation = Schemas['Citation'];
export type TurnStarted = Schemas['TurnStarted'];
export type Model = Schemas['Model'];
export type Provider = Schemas['Provider'];
export type ModelList = Schemas['Models'];
export type ManualEntry = Schemas['ManualTitle'];

type Flat<F> = F extends { event: infer E; data: infer D } ? { type: E } & D : never;

/** The events of the turn log: one union for the first stream and for the re-attached one. */
export type TurnEvent = Flat<Schemas['TurnEvent']>;

/** What the change feed says. */
export interface Change {
  kind: 'conversation' | 'turn';
  /** The conversation's. */
  id: string;
  turn_id?: string;
  what: 'created' | 'updated' | 'deleted' | 'started' | 'ended';
}
