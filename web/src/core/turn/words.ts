import { seconds } from '../format';
import type { TurnStatus } from './reduce';

/**
 * What a turn waits for, in words; '' when it writes. `name`: of the model. `loaded`: it is known to be in memory, so
 * that what takes long is reading the question.
 */
export function statusText(status: TurnStatus | null, name: string, writing: boolean, loaded = false): string {
  if (!status) return writing ? '' : `Waiting for ${name}…`;
  switch (status.state) {
    case 'loading':
      return loaded ? `Waiting for ${name}` : `Loading ${name}`;
    case 'queued':
      return status.position ? `Waiting for a free place · position ${status.position}` : 'Waiting for a free place';
    case 'connecting':
      return status.text || `Connecting to ${name}…`;
    case 'searching':
      return status.text || 'Searching…';
    case 'fallback':
      return status.text || 'Asking another model…';
    case 'retrying': {
      const words = status.text || (status.waitMs ? `Trying again in ${seconds(status.waitMs)}…` : 'Trying again…');
      return status.attempt ? `${words} (try ${status.attempt})` : words;
    }
    default:
      return status.text || 'Waiting…';
  }
}
