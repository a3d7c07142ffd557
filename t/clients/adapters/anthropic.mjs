// The official Anthropic SDK, of the version that SDK names: the one that
// speaks today's API, or anthropic0, the last one before.
import { CLIENT_KEY, at } from '../matrix.mjs';

const name = process.env.SDK ?? '@anthropic-ai/sdk';
const { default: Anthropic } = await import(name);
export const old = name === 'anthropic0';
export const client = new Anthropic({ apiKey: CLIENT_KEY,
  baseURL: at.anthropic, maxRetries: 0 });
export { Anthropic };

const finishes = { end_turn: 'stop', max_tokens: 'length', tool_use: 'tools',
  refusal: 'filter', stop_sequence: 'sequence' };

const usageOf = (u) => u && {
  input: u.input_tokens + (u.cache_read_input_tokens ?? 0)
    + (u.cache_creation_input_tokens ?? 0),
  output: u.output_tokens, cached: u.cache_read_input_tokens ?? 0,
  written: u.cache_creation_input_tokens ?? 0,
  reasoning: u.output_tokens_details?.thinking_tokens ?? 0,
};

const choiceOf = (choice) => ({ required: { type: 'any' },
  auto: { type: 'auto' }, none: { type: 'none' } })[choice]
  ?? { type: 'tool', name: choice };

function open(model, ask) {
  const content = ask.image ? [{ type: 'image', source: { type: 'base64',
    media_type: 'image/png', data: ask.image } },
  { type: 'text', text: ask.user }] : ask.user;
  return { model, max_tokens: ask.max ?? 1024,
    messages: [{ role: 'user', content }],
    ...(ask.system && { system: [{ type: 'text', text: ask.system,
      cache_control: { type: 'ephemeral' } }] }),
    ...(old && ask.temperature && { temperature: ask.temperature }),
    ...(old && ask.topP && { top_p: ask.topP }),
    ...(ask.stop && { stop_sequences: ask.stop }),
    ...(ask.effort && { thinking: { type: 'enabled',
      budget_tokens: 4096 } }),
    ...(ask.schema && { output_config: { format: { type: 'json_schema',
      schema: ask.schema } } }),
    ...(ask.tools && { tools: ask.tools.map((t) => ({ name: t.name,
      description: t.description, input_schema: t.schema })) }),
    ...(ask.choice && { tool_choice: choiceOf(ask.choice) }) };
}

// Blocks must open and close one after another, counted from nought.
function inOrder(event, state) {
  const open = state.open ?? null;
  if (event.type === 'content_block_start') {
    if (open !== null || event.index !== (state.next ?? 0)) {
      throw new Error(`block ${event.index} opens, ${open} is open`);
    }
    state.open = event.index;
    state.next = event.index + 1;
  } else if (/^content_block_/.test(event.type)) {
    if (open !== event.index) throw new Error(`${event.type}: ${open} open`);
    if (event.type === 'content_block_stop') state.open = null;
  } else if (event.type === 'message_delta' && open !== null) {
    throw new Error(`message_delta within block ${open}`);
  }
}

async function streamed(talk, seen) {
  const stream = client.messages.stream(talk);
  let chunks = 0;
  const state = {};
  for await (const event of stream) {
    chunks++;
    inOrder(event, state);
    if (event.delta?.type !== 'text_delta' || !seen) continue;
    seen.first ||= Date.now();
    seen.text += event.delta.text;
  }
  return { answer: await stream.finalMessage(), chunks };
}

async function say(talk, stream, seen) {
  const { answer, chunks } = stream ? await streamed(talk, seen)
    : { answer: await client.messages.create(talk), chunks: 1 };
  const of = (type) => answer.content.filter((b) => b.type === type);
  talk.messages.push({ role: 'assistant', content: answer.content });
  if (!finishes[answer.stop_reason]) {
    throw new Error(`stop_reason ${answer.stop_reason}`);
  }
  return { chunks, text: of('text').map((b) => b.text).join(''),
    finish: finishes[answer.stop_reason], usage: usageOf(answer.usage),
    thoughts: of('thinking').map((b) => b.thinking).join(''),
    calls: of('tool_use').map((b) => ({ id: b.id, name: b.name,
      args: b.input })) };
}

function results(talk, calls, texts) {
  talk.messages.push({ role: 'user', content: calls.map((call, n) => ({
    type: 'tool_result', tool_use_id: call.id, content: texts[n] })) });
}

// An error within a stream has no status.
function fault(error) {
  if (!(error instanceof Anthropic.APIError)) return undefined;
  return { status: error.status, text: error.message,
    after: error.headers?.get('retry-after'), type: error.error?.error?.type,
    kind: error instanceof Anthropic.RateLimitError ? 'rate'
      : error instanceof Anthropic.InternalServerError ? 'server'
        : error instanceof Anthropic.BadRequestError ? 'request' : 'other' };
}

export default { name: old ? 'anthropic 0.137' : 'anthropic',
  face: 'anthropic', headers: true, thoughts: true, sampling: old,
  usage: (u) => u, open, say, results, fault,
  also: (talk, content) => talk.messages.push({ role: 'user', content }) };
