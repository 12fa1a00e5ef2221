import type { Change, Job } from '../api/types';
import type { NumberedEvent } from '../turn/events';

/** What a page follows: the events of a turn behind number `after`, or a job. `n` is never used again by that page. */
export type Wish = { n: number; turn: string; after: number } | { n: number; job: string };

/** A page says all that it follows, each time that changes, and now and then, so that the hub knows it is there. */
export type ToHub = { wishes: Wish[] } | 'bye';

/** What many see and the server says no more of than that it has changed. */
export type Stale = 'models' | 'grants' | 'providers' | 'limits' | 'documents' | 'prices' | 'users' | 'groups' | 'jobs' | 'health' | 'tools';

/** What the hub says to a page. */
export type ToPage =
  /** Say again what you follow: the hub is new. */
  | { type: 'who' }
  /** Connected (again): anything may have changed meanwhile. */
  | { type: 'hello'; version: string }
  | { type: 'lost' }
  /** The session is gone. */
  | { type: 'unauthorized' }
  | { type: 'change'; change: Change }
  | { type: 'stale'; kind: Stale }
  | { type: 'events'; n: number; events: NumberedEvent[] }
  | { type: 'job'; n: number; job: Job }
  /** It cannot be followed, and asking again cannot help; `code` as the server's errors have it. */
  | { type: 'gone'; n: number; code: string };

/** How the hub reaches a page. */
export type Port = (messages: ToPage[]) => void;
