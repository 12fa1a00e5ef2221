// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { recognize } from '../src/features/setup/recognize';

const named = (text: string) => recognize(text).map((g) => g.name);

describe('what is pasted in the first minute', () => {
  it.each([
    ['sk-ant-api03-0123456789abcdef', 'anthropic', 'anthropic'],
    ['sk-or-v1-0123456789abcdef', 'openrouter', 'openai'],
    ['gsk_0123456789abcdef', 'groq', 'openai'],
    ['xai-0123456789abcdef', 'xai', 'openai'],
    ['AIzaSy0123456789abcdef', 'gemini', 'openai'],
    ['sk-proj-0123456789abcdef', 'openai', 'openai'],
    ['  sk-0123456789abcdef\n', 'openai', 'openai'],
  ])('knows the key %s', (key, name, kind) => {
    expect(recognize(key)).toMatchObject([{ name, kind, key: key.trim() }]);
  });

  it('tries an address as an Ollama and as an OpenAI', () => {
    expect(recognize('192.168.1.5:11434')).toMatchObject([
      { kind: 'ollama', url: 'http://192.168.1.5:11434', name: '192-168-1-5' },
      { kind: 'openai', url: 'http://192.168.1.5:11434/v1' },
    ]);
    // What is said is what the first one said: who names a version means an OpenAI.
    expect(recognize('https://models.example.org/v1/')).toMatchObject([{ kind: 'openai', url: 'https://models.example.org/v1' }, { kind: 'ollama' }]);
    expect(named('http://localhost:8080')).toEqual(['ollama', 'localhost']);
    expect(named('http://[::1]:11434')[0]).toBe('1');
  });

  it.each(['', 'hello', 'sk-', 'what is this', 'sk-ant-with a blank 12345678', 'http://'])('takes %j for neither', (text) => {
    expect(recognize(text)).toEqual([]);
  });
});
