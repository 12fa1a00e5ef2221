// Anthropic's Messages: named events, blocks with indexes, tool input in fragments.
import { pieces, USAGE } from './scenes.mjs';

export const KEY = 'sk-ant-mock';
export const SIGNATURE = 'c2lnbmF0dXJlIG9mIHRoZSBtb2Nr';
const flag = (supported) => ({ supported });
const models = ['claude-mock'].map((id) => ({
  id,
  type: 'model',
  display_name: 'Claude Mock',
  created_at: '2026-10-01T00:00:00Z',
  max_input_tokens: 200_000,
  max_tokens: 32_000,
  capabilities: {
    thinking: { supported: true, types: { enabled: flag(false), adaptive: flag(true), disabled: flag(true) } },
    effort: { supported: true, low: flag(true), medium: flag(true), high: flag(true) },
    image_input: flag(true),
    structured_outputs: flag(true),
  },
  lifecycle: 'active',
}));

export function simple(method, path, body, headers) {
  const key = headers['x-api-key'] ?? headers.authorization?.replace('Bearer ', '');
  if (key !== KEY) return { status: 401, body: error(401, 'the key is not known') };
  if (!headers['anthropic-version']) return { status: 400, body: error(400, 'anthropic-version: header is required') };
  switch (`${method} ${path}`) {
    case 'GET /v1/models':
      return { body: { data: models, has_more: false, first_id: models[0].id, last_id: models.at(-1).id } };
    case 'POST /v1/messages/count_tokens':
      return { body: { input_tokens: 23 } };
    case 'POST /v1/messages':
      if (!(body.max_tokens > 0)) return { status: 400, body: error(400, 'max_tokens: Field required') };
      if (!body.messages?.length)
        return { status: 400, body: error(400, 'messages: at least one message is required') };
      return undefined;
    default:
      return { status: 404, body: error(404, `nothing at ${method} ${path}`) };
  }
}

const blocks = (content) => (typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []));
const text = (content) =>
  blocks(content)
    .filter((b) => b.type === 'text')
    .map((b) => b.text)
    .join('');

export function read(path, body) {
  const users = body.messages.filter((m) => m.role === 'user');
  // Results of tools come in messages of the user; the question is before them.
  const user = users.findLast((m) => blocks(m.content).some((b) => b.type === 'text'));
  const all = body.messages.flatMap((m) => blocks(m.content));
  const calls = all.filter((b) => b.type === 'tool_use');
  for (const c of calls)
    if (typeof c.input !== 'object' || !/^[\w-]+$/.test(c.id)) throw new Error('not a call of a tool');
  const format = body.output_config?.format;
  const system = [text(body.system), ...body.messages.filter((m) => m.role === 'system').map((m) => text(m.content))];
  return {
    prompt: text(user?.content),
    system: system.filter(Boolean).join('\n'),
    tools: (body.tools ?? []).map((t) => t.name),
    calls: calls.map((b) => b.id),
    results: all
      .filter((b) => b.type === 'tool_result' && calls.some((c) => c.id === b.tool_use_id))
      .map((b) => text(b.content)),
    images: blocks(user?.content)
      .filter((b) => b.type === 'image')
      .map((b) => ({ type: b.source.media_type ?? 'an address', data: b.source.data ?? '' })),
    format: format?.type === 'json_schema' ? 'schema' : /JSON/.test(system.join()) ? 'json' : undefined,
    schema: format?.schema,
  };
}

export function error(status, message) {
  const type = {
    400: 'invalid_request_error',
    401: 'authentication_error',
    404: 'not_found_error',
    429: 'rate_limit_error',
  }[status];
  return { type: 'error', error: { type: type ?? 'api_error', message }, request_id: 'req_mock' };
}

const usage = {
  input_tokens: USAGE.input - 4,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 4,
  output_tokens: 1,
};

export async function answer(path, body, steps, out) {
  const event = (type, data) => out.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  let index = -1;
  let open;
  let reason = 'end_turn';
  const close = async () => {
    if (open) await event('content_block_stop', { index });
    open = undefined;
  };
  const block = async (kind, content_block) => {
    if (open === kind) return;
    await close();
    open = kind;
    await event('content_block_start', { index: ++index, content_block });
  };
  const delta = (d) => event('content_block_delta', { index, delta: d });
  out.begin('text/event-stream; charset=utf-8');
  await event('message_start', {
    message: {
      id: 'msg_mock',
      type: 'message',
      role: 'assistant',
      model: body.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage,
    },
  });
  await event('ping', {});
  for (const [i, step] of steps.entries()) {
    if (step.text) {
      await block('text', { type: 'text', text: '' });
      for (const piece of pieces(step.text)) await delta({ type: 'text_delta', text: piece });
    }
    if (step.think) {
      await block('thinking', { type: 'thinking', thinking: '', signature: '' });
      for (const piece of pieces(step.think)) await delta({ type: 'thinking_delta', thinking: piece });
      await delta({ type: 'signature_delta', signature: SIGNATURE });
    }
    if (step.call) {
      reason = 'tool_use';
      await block(`call ${i}`, { type: 'tool_use', id: `toolu_a${i}`, name: step.call.name, input: {} });
      for (const piece of pieces(JSON.stringify(step.call.args), 7))
        await delta({ type: 'input_json_delta', partial_json: piece });
    }
    if (step.length) reason = 'max_tokens';
    if (step.forever) {
      await block('text', { type: 'text', text: '' });
      while (await out.more()) await delta({ type: 'text_delta', text: 'more ' });
    }
    if (step.error) {
      await event('error', { error: { type: 'overloaded_error', message: step.error } });
      return out.end();
    }
  }
  await close();
  await event('message_delta', {
    delta: { stop_reason: reason, stop_sequence: null },
    usage: { output_tokens: USAGE.output, output_tokens_details: { thinking_tokens: 2 } },
  });
  await event('message_stop', {});
  out.end();
}
