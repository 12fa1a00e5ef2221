// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { accepted, optimistic } from '../src/state/history';

const turn = { conversation_id: 'c', turn_id: 't', message_id: 'a', user_message_id: 'q' };

describe('what was sent, once the server has taken it', () => {
  it('has no id of its own left, also not among its versions', () => {
    const [question, answer] = optimistic('c', 'Why?', null, null);
    const [q, a] = accepted([question, { ...answer, siblings: ['older', answer.id] }], turn as never);
    expect([q!.id, q!.siblings, q!.turn_id]).toEqual(['q', ['q'], null]);
    expect([a!.id, a!.siblings, a!.turn_id]).toEqual(['a', ['older', 'a'], 't']);
    expect([q!.key, a!.key]).toEqual([question.key, answer.key]);
  });
});
