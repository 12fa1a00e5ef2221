// OpenAI's chat completions, completions and embeddings: server-sent events, tool calls in fragments.
import { pieces, USAGE, vector } from './scenes.mjs';

export const KEY = 'sk-openai-mock';
const ids = ['mock-gpt', 'mock-text-embedding'];

export function simple(method, path, body, headers) {
  if (headers.authorization !== `Bearer ${KEY}`) return { status: 401, body: error(401, 'the key is not known') };
  switch (`${method} ${path}`) {
    case 'GET /v1/models':
      return {
        body: {
          object: 'list',
          data: ids.map((id) => ({ id, object: 'model', created: 1_790_000_000, owned_by: 'mock' })),
        },
      };
    case 'POST /v1/embeddings': {
      const input = [body.input].flat();
      // Back to front: what counts is the index.
      const data = input
        .map((text, index) => ({ object: 'embedding', index, embedding: vector(text).slice(0, body.dimensions) }))
        .reverse();
      return {
        body: {
          object: 'list',
          data,
          model: body.model,
          usage: { prompt_tokens: input.length * 3, total_tokens: input.length * 3 },
        },
      };
    }
    case 'POST /v1/chat/completions':
    case 'POST /v1/completions':
      return undefined;
    default:
      return { status: 404, body: error(404, `nothing at ${method} ${path}`) };
  }
}

const parts = (content) => (typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []));
const text = (content) =>
  parts(content)
    .map((p) => p.text ?? '')
    .join('');

function image(part) {
  const [, type, data] = /^data:([^;]+);base64,(.*)$/s.exec(part.image_url.url) ?? [null, 'an address', ''];
  return { type, data };
}

export function read(path, body) {
  const messages = path === '/v1/completions' ? [{ role: 'user', content: body.prompt }] : body.messages;
  const user = messages.findLast((m) => m.role === 'user' && text(m.content));
  const format = { json_schema: 'schema', json_object: 'json' }[body.response_format?.type];
  return {
    prompt: text(user?.content),
    whole: JSON.stringify(messages),
    system: messages
      .filter((m) => m.role === 'system' || m.role === 'developer')
      .map((m) => text(m.content))
      .join('\n'),
    tools: (body.tools ?? []).map((t) => t.function.name),
    calls: messages
      .flatMap((m) => m.tool_calls ?? [])
      .map((c) => {
        JSON.parse(c.function.arguments);
        return c.id;
      }),
    results: messages.filter((m) => m.role === 'tool' && m.tool_call_id).map((m) => text(m.content)),
    images: parts(user?.content)
      .filter((p) => p.type === 'image_url')
      .map(image),
    format,
    schema: body.response_format?.json_schema?.schema,
    suffix: body.suffix,
  };
}

export function error(status, message) {
  const type =
    { 401: 'invalid_request_error', 429: 'requests', 500: 'server_error' }[status] ?? 'invalid_request_error';
  return { error: { message, type, param: null, code: status === 429 ? 'rate_limit_exceeded' : null } };
}

const usage = {
  prompt_tokens: USAGE.input,
  completion_tokens: USAGE.output,
  total_tokens: USAGE.input + USAGE.output,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 2 },
};

export async function answer(path, body, steps, out) {
  const plain = path === '/v1/completions';
  const frame = (choices, extra = {}) =>
    out.write(
      `data: ${JSON.stringify({
        id: 'chatcmpl-mock',
        object: plain ? 'text_completion' : 'chat.completion.chunk',
        created: 1_790_000_000,
        model: body.model,
        choices,
        ...extra,
      })}\n\n`,
    );
  const delta = (d, finish_reason = null) =>
    frame([plain ? { index: 0, text: d.content ?? '', finish_reason } : { index: 0, delta: d, finish_reason }]);
  let reason = 'stop';
  let n = 0;
  out.begin('text/event-stream; charset=utf-8');
  await delta({ role: 'assistant', content: '' });
  for (const step of steps) {
    if (step.text) for (const piece of pieces(step.text)) await delta({ content: piece });
    if (step.think) for (const piece of pieces(step.think)) await delta({ reasoning_content: piece });
    if (step.call) {
      const index = n++;
      reason = 'tool_calls';
      await delta({
        tool_calls: [
          { index, id: step.call.id ?? `call_p${index}`, type: 'function', function: { name: step.call.name, arguments: '' } },
        ],
      });
      for (const piece of pieces(JSON.stringify(step.call.args), 7))
        await delta({ tool_calls: [{ index, function: { arguments: piece } }] });
    }
    if (step.length) reason = 'length';
    while (step.forever && (await out.more())) await delta({ content: 'more ' });
    if (step.error) {
      await out.write(`data: ${JSON.stringify(error(500, step.error))}\n\n`);
      return out.end();
    }
  }
  await delta({}, reason);
  if (body.stream_options?.include_usage) await frame([], { usage });
  await out.write('data: [DONE]\n\n');
  out.end();
}
