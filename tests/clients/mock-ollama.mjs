// Ollama's own protocol: lines of JSON, tool calls whole, durations in nanoseconds.
import { pieces, USAGE, vector } from './scenes.mjs';

const DIGEST = 'a1b2c3d4'.repeat(8);
const capabilities = ['completion', 'tools', 'vision', 'thinking', 'insert'];
const details = {
  parent_model: '',
  format: 'gguf',
  family: 'mock',
  families: ['mock'],
  parameter_size: '1.0B',
  quantization_level: 'Q4_K_M',
};
const models = [
  { name: 'mock:1b', capabilities },
  { name: 'mock-embedding:latest', capabilities: ['embedding'] },
].map(({ name, capabilities }, i) => ({
  name,
  model: name,
  modified_at: '2026-11-01T10:00:00.123456789+01:00',
  size: 1_000_000_000 + i,
  digest: DIGEST,
  details: { ...details, context_length: 8192 },
  capabilities,
}));

function show(body) {
  const found = models.find((m) => m.name === (body.model ?? body.name));
  if (!found) return { status: 404, body: error(404, `model '${body.model}' not found`) };
  return {
    body: {
      license: 'Free to use in tests',
      modelfile: '# made for tests\nFROM mock',
      parameters: 'num_ctx    8192',
      template: '{{ .Prompt }}',
      details,
      model_info: { 'general.architecture': 'mock', 'general.basename': 'Mock', 'mock.context_length': 8192 },
      capabilities: found.capabilities,
      modified_at: found.modified_at,
    },
  };
}

export function simple(method, path, body) {
  switch (`${method} ${path}`) {
    case 'GET /api/version':
      return { body: { version: '0.33.0' } };
    case 'GET /api/tags':
      return { body: { models } };
    case 'GET /api/ps':
      return {
        body: {
          models: [{ ...models[0], size_vram: 900_000_000, expires_at: '2030-01-01T00:00:00Z', context_length: 8192 }],
        },
      };
    case 'POST /api/show':
      return show(body);
    case 'POST /api/embed': {
      const input = [body.input].flat();
      return {
        body: {
          model: body.model,
          embeddings: input.map(vector),
          total_duration: 1000,
          prompt_eval_count: input.length * 3,
        },
      };
    }
    case 'POST /api/chat':
    case 'POST /api/generate':
      return undefined;
    default:
      return { status: 404, body: error(404, `nothing at ${method} ${path}`) };
  }
}

export function read(path, body) {
  const messages =
    path === '/api/generate' ? [{ role: 'user', content: body.prompt, images: body.images }] : body.messages;
  const user = messages.findLast((m) => m.role === 'user' && m.content);
  return {
    prompt: user?.content ?? '',
    system: messages
      .filter((m) => m.role === 'system')
      .map((m) => m.content)
      .join('\n'),
    tools: (body.tools ?? []).map((t) => t.function.name),
    calls: messages
      .flatMap((m) => m.tool_calls ?? [])
      .map((c) => {
        if (typeof c.function.arguments !== 'object') throw new Error('arguments must be an object');
        return c.function.name;
      }),
    results: messages.filter((m) => m.role === 'tool').map((m) => m.content),
    images: (user?.images ?? []).map((data) => ({ data })),
    format: typeof body.format === 'object' ? 'schema' : body.format,
    schema: typeof body.format === 'object' ? body.format : undefined,
    suffix: body.suffix,
  };
}

export function error(status, message) {
  return { error: message };
}

export async function answer(path, body, steps, out) {
  const generate = path === '/api/generate';
  const line = (text, more = {}, extra = {}) =>
    out.write(
      JSON.stringify({
        model: body.model,
        created_at: new Date().toISOString(),
        ...(generate ? { response: text, ...more } : { message: { role: 'assistant', content: text, ...more } }),
        done: false,
        ...extra,
      }) + '\n',
    );
  let reason = 'stop';
  let n = 0;
  out.begin('application/x-ndjson');
  for (const step of steps) {
    if (step.text) for (const piece of pieces(step.text)) await line(piece);
    if (step.think) for (const piece of pieces(step.think)) await line('', { thinking: piece });
    if (step.call)
      await line('', {
        tool_calls: [{ id: `call_o${n}`, function: { index: n++, name: step.call.name, arguments: step.call.args } }],
      });
    if (step.length) reason = 'length';
    while (step.forever && (await out.more())) await line('more ');
    if (step.error) {
      await out.write(JSON.stringify({ error: step.error }) + '\n');
      return out.end();
    }
  }
  await line(
    '',
    {},
    {
      done: true,
      done_reason: reason,
      total_duration: 5_000_000,
      load_duration: 1_000_000,
      prompt_eval_count: USAGE.input,
      prompt_eval_duration: 2_000_000,
      eval_count: USAGE.output,
      eval_duration: 3_000_000,
    },
  );
  out.end();
}
