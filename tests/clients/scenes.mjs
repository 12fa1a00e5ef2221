// What the scripted provider answers: the last message of the user names the scene. A scene is a list of steps,
// whatever the dialect:
//   { text } { think } { call: { name, args } } { length } { error } { forever }
// { silence: MS } alone at first: so long nothing comes. And { refuse: { status, message, retryAfter } } alone, before anything was sent.

export const HELLO = 'Hello, world. Grüße an alle 🌍!';
export const THOUGHT = 'Six times seven, let me see.';
export const USAGE = { input: 11, output: 7 };
export const DIMENSIONS = 8;

/** The same text always has the same vector, of length 1. */
export function vector(text) {
  const v = Array.from({ length: DIMENSIONS }, (_, i) => {
    let h = 2166136261 + i;
    for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619) >>> 0;
    return (h % 1000) / 1000 - 0.5;
  });
  const length = Math.hypot(...v);
  return v.map((x) => Math.fround(x / length));
}

const signatures = [
  ['image/png', [0x89, 0x50, 0x4e, 0x47]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
  ['image/gif', [0x47, 0x49, 0x46, 0x38]],
];

/** { type, data: base64 }: what the bytes are; where the dialect declares a type it must be the same. */
function describe({ type, data }) {
  const bytes = Buffer.from(data, 'base64');
  const real = signatures.find(([, head]) => head.every((b, i) => bytes[i] === b))?.[0] ?? 'nothing known';
  if (type && type !== real) return `declared as ${type}, but it is ${real}`;
  return `${real} of ${bytes.length} bytes`;
}

const refuse = (status, message, retryAfter) => [{ refuse: { status, message, retryAfter } }];

function weather(asked, cities) {
  if (!asked.tools.includes('get_weather')) return refuse(400, `the tool is not there, only: ${asked.tools}`);
  if (asked.results.length) {
    if (asked.results.length !== cities.length)
      return refuse(400, `${asked.results.length} results for ${cities.length}`);
    if (asked.calls.length !== cities.length) return refuse(400, 'the calls that the results belong to are missing');
    return [{ text: `It is ${asked.results.join(' and ')}.` }];
  }
  return cities.map((city) => ({
    call: { name: 'get_weather', args: { city, unit: 'celsius', note: 'a "quoted" ünïcode' } },
  }));
}

/** An assistant's own tool, which runs at the server that asks; a program's goes back to it. */
function reckon(asked) {
  if (!asked.results.length) return [{ text: 'Let me see.' }, { call: { name: 'calculator', args: { expression: '6*7' } } }];
  if (asked.results.at(-1) !== '42') return refuse(400, `it came to ${asked.results.at(-1)}`);
  if (asked.tools.includes('get_weather')) return [{ call: { name: 'get_weather', args: { city: 'Paris' } } }];
  return [{ text: RECKONED }];
}

function json(asked) {
  if (asked.format === 'schema' && asked.schema?.properties?.name && asked.schema.properties.age)
    return [{ text: '{"name":"Ada","age":36}' }];
  if (asked.format === 'json') return [{ text: '{"any":"object"}' }];
  return refuse(400, `no schema arrived: ${JSON.stringify(asked.schema ?? asked.format)}`);
}

export const RECKONED = 'It is 42.';

/** What an agent runs, one after the other: also what writes bytes that are no text. */
export const COMMANDS = [
  'echo number 0',
  "printf 'a\\0b\\377\\376c\\n'",
  'head -c 400 /dev/urandom',
  'printf \'\\033[31mred\\033[0m \\355\\240\\275\\n\'',
  'seq 1 3000',
  'echo number 5',
  'echo number 6',
  'echo number 7',
];

/** A session of an agent: calls of its shell. */
function commands(asked) {
  const shell = ['exec_command', 'Bash', 'bash'].find((name) => asked.tools.includes(name));
  if (!shell) return [{ text: `There is no shell among ${asked.tools}` }];
  const n = asked.results.length;
  const command = COMMANDS[n];
  if (!command) return [{ text: 'All of them are done.' }];
  return [
    { text: `Number ${n}.` },
    { call: { id: `call_n${n}`, name: shell, args: shell === 'exec_command' ? { cmd: command } : { command, description: 'Say it' } } },
  ];
}

/**
 * asked: { prompt (text of the last user message or the prompt), tools: [name], calls: [name], results: [text],
 * images: [{ type, data }], format: undefined | 'json' | 'schema', schema, system, choice, whole (OpenAI: all messages as JSON) }
 */
export function scene(asked) {
  const { prompt } = asked;
  if (asked.whole?.includes('Run all commands') || prompt.startsWith('Run all commands')) return commands(asked);
  if (prompt.startsWith('Say hello')) return [{ text: HELLO }];
  if (prompt.startsWith('Repeat the system')) return [{ text: asked.system || 'there is none' }];
  if (prompt.startsWith('Weather in Paris and Rome')) return weather(asked, ['Paris', 'Rome']);
  if (prompt.startsWith('Weather in Paris')) return weather(asked, ['Paris']);
  if (prompt.startsWith('Reckon')) return reckon(asked);
  if (prompt.startsWith('Look')) return [{ text: asked.images.map(describe).join(', ') || 'no image came' }];
  if (prompt.startsWith('JSON')) return json(asked);
  if (prompt.startsWith('Think')) return [{ think: THOUGHT }, { text: '42' }];
  if (prompt.startsWith('Cut')) return [{ text: 'This is as far as' }, { length: true }];
  if (prompt.startsWith('Fail 400')) return refuse(400, 'the request is too strange');
  if (prompt.startsWith('Fail 401')) return refuse(401, 'the key is not known');
  if (prompt.startsWith('Fail 429')) return refuse(429, 'too many of them', 90);
  if (prompt.startsWith('Fail 500')) return refuse(500, 'something broke');
  if (prompt.startsWith('Break')) return [{ text: 'The first half, and' }, { error: 'the engine stopped' }];
  if (prompt.startsWith('Wait')) return [{ silence: 2200 }, { text: 'That took a while.' }];
  if (prompt.startsWith('Forever')) return [{ forever: true }];
  return [{ text: `I heard: ${prompt}` }];
}

/** Small pieces, also within words; characters stay whole, bytes on the wire do not (see mock.mjs). */
export function pieces(text, size = 3) {
  const all = [...text];
  const ret = [];
  for (let i = 0; i < all.length; i += size) ret.push(all.slice(i, i + size).join(''));
  return ret;
}
