// Anthropic's messages API: what it takes, and what it says.
import {
  Bad, any, base64, bool, dict, either, filled, int, like, list, maybe,
  object, one, str, tagged, within,
} from './shape.mjs';
import { REDACTED, SIGNED } from './scenarios.mjs';

const OLD = '2023-06-01';
const NEW = '2026-10-21';
const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const ID = /^[a-zA-Z0-9_-]{1,200}$/;
const cached = { 'cache_control?': maybe(object({ 'type': one('ephemeral'),
  'ttl?': one('5m', '1h') })) };

const words = (value, path) => {
  str(value, path);
  if (!value) throw new Bad(path, `${path}: text content blocks must be `
    + 'non-empty');
  if (!value.trim()) throw new Bad(path, `${path}: text content blocks must `
    + 'contain non-whitespace text');
};

const textBlock = object({ 'type': any, 'text': words, ...cached,
  'citations?': any });
const source = tagged('type', {
  base64: object({ type: any, media_type: one('image/jpeg', 'image/png',
    'image/gif', 'image/webp'), data: base64 }),
  url: object({ type: any, url: like(/^https?:/) }),
  file: object({ type: any, file_id: str }),
});
const image = object({ 'type': any, source, ...cached });
const document = object({ 'type': any, 'source': dict, 'title?': any,
  'context?': any, 'citations?': any, ...cached });
const result = object({ 'type': any, 'tool_use_id': like(ID), ...cached,
  'content?': either(str, list(tagged('type', { text: textBlock, image,
    document }))), 'is_error?': bool });
const toolUse = object({ 'type': any, 'id': like(ID), 'name': like(NAME),
  'input': dict, ...cached, 'caller?': any });
const thinking = object({ type: any, thinking: str,
  signature: (value, path) => {
    if (value !== SIGNED) {
      throw new Bad(path, `${path}: Invalid \`signature\` in \`thinking\` `
        + 'block');
    }
  } });
const redacted = object({ type: any, data: (value, path) => {
  if (value !== REDACTED) throw new Bad(path, `${path}: Invalid \`data\``);
} });

const content = (shapes) => either(words, list(tagged('type', shapes),
  { least: 1 }));
const message = tagged('role', {
  user: object({ role: any, content: content({ text: textBlock, image,
    document, tool_result: result }) }),
  assistant: object({ role: any, content: content({ text: textBlock,
    tool_use: toolUse, thinking, redacted_thinking: redacted }) }),
  system: object({ role: any, content: content({ text: textBlock }) }),
});

const tool = object({ 'name': like(NAME), 'description?': str,
  'type?': maybe(one('custom')), 'strict?': bool, ...cached,
  'eager_input_streaming?': bool, 'input_examples?': any,
  'input_schema': (value, path) => {
    dict(value, path);
    if (value.type !== 'object') {
      throw new Bad(`${path}.type`, `${path}.type: Field required`);
    }
  } });
const solo = { 'disable_parallel_tool_use?': bool };

const asked = {
  'model': filled, 'messages': list(message, { least: 1 }),
  'system?': either(str, list(textBlock)), 'tools?': list(tool),
  'tool_choice?': tagged('type', {
    auto: object({ 'type': any, ...solo }),
    any: object({ 'type': any, ...solo }),
    tool: object({ 'type': any, 'name': like(NAME), ...solo }),
    none: object({ type: any }) }),
  'thinking?': tagged('type', {
    enabled: object({ 'type': any, 'budget_tokens': within(1024, 1e6, int),
      'display?': any }),
    adaptive: object({ 'type': any, 'display?': any }),
    between_tools: object({ type: any }),
    disabled: object({ type: any }) }),
  'output_config?': object({ 'effort?': one('low', 'medium', 'high', 'xhigh',
    'max'), 'format?': maybe(object({ type: one('json_schema'),
    schema: dict })) }),
  'cache_control?': cached['cache_control?'],
};
const countBody = object(asked);
const sampling = { 'temperature?': within(0, 1), 'top_p?': within(0, 1),
  'top_k?': within(0, 500, int) };
const more = { ...asked, 'max_tokens': within(1, 128000, int),
  'stop_sequences?': list(words), 'stream?': bool,
  'metadata?': object({ 'user_id?': maybe(str) }),
  'service_tier?': one('auto', 'standard_only'), 'speed?': any,
  'container?': any, 'inference_geo?': any };
const bodies = { [NEW]: object(more), [OLD]: object({ ...more,
  ...sampling }) };

// --- what no shape can say -------------------------------------------------

const blocksOf = ({ content: c }) =>
  (typeof c === 'string' ? [{ type: 'text', text: c }] : c);

// Turns as the API sees them: neighbours of one role are one.
function merged(messages) {
  const turns = [];
  for (const m of messages) {
    if (turns.at(-1)?.role === m.role) {
      turns.at(-1).blocks.push(...blocksOf(m));
    } else {
      turns.push({ role: m.role, blocks: [...blocksOf(m)] });
    }
  }
  return turns;
}

function resultsFollow(turns) {
  const seen = new Set();
  turns.forEach(({ role, blocks }, n) => {
    const here = `messages.${n}`;
    const ids = blocks.filter((b) => b.type === 'tool_use').map((b) => b.id);
    for (const id of ids) {
      if (seen.has(id)) {
        throw new Bad(here, `${here}: \`tool_use\` ids must be unique`);
      }
      seen.add(id);
    }
    const next = turns[n + 1]?.blocks ?? [];
    const answered = next.filter((b) => b.type === 'tool_result')
      .map((b) => b.tool_use_id);
    const lacking = ids.filter((id) => !answered.includes(id));
    if (lacking.length) {
      throw new Bad(here, `${here}: \`tool_use\` ids were found without `
        + `\`tool_result\` blocks immediately after: ${lacking}`);
    }
    if (role !== 'user') return;
    const before = (turns[n - 1]?.blocks ?? []).map((b) => b.id);
    const stray = blocks.filter((b) => b.type === 'tool_result'
      && !before.includes(b.tool_use_id));
    if (stray.length) {
      throw new Bad(here, `${here}: unexpected \`tool_use_id\` found in `
        + `\`tool_result\` blocks: ${stray.map((b) => b.tool_use_id)}`);
    }
    const late = blocks.findIndex((b, at) => at > 0
      && b.type === 'tool_result' && blocks[at - 1].type !== 'tool_result');
    if (late >= 0) {
      throw new Bad(here, `${here}: tool results must come first`);
    }
  });
}

function thinkingComesBack(body, turns) {
  if (!body.thinking || body.thinking.type === 'disabled') return;
  if (/^(any|tool)$/.test(body.tool_choice?.type)) {
    throw new Bad('tool_choice', 'Thinking may not be enabled when '
      + 'tool_choice forces tool use.');
  }
  if (body.thinking.budget_tokens >= body.max_tokens) {
    throw new Bad('max_tokens', '`max_tokens` must be greater than '
      + '`thinking.budget_tokens`.');
  }
  if ('temperature' in body && body.temperature !== 1) {
    throw new Bad('temperature', '`temperature` may only be set to 1 when '
      + 'thinking is enabled.');
  }
  if (body.thinking.type !== 'enabled') return;
  const last = turns.findLastIndex((t) => t.role === 'assistant');
  if (last < 0 || !turns[last].blocks.some((b) => b.type === 'tool_use')) {
    return;
  }
  if (!/thinking/.test(turns[last].blocks[0].type)) {
    throw new Bad(`messages.${last}.content.0.type`, 'Expected `thinking` or '
      + `\`redacted_thinking\`, but found \`${turns[last].blocks[0].type}\`.`);
  }
}

const closed = (schema, path) => {
  if (schema?.type === 'object' && schema.additionalProperties !== false) {
    throw new Bad(path, `${path}: For 'object' type, 'additionalProperties' `
      + "must be explicitly set to false");
  }
  Object.values(schema?.properties ?? {}).forEach((s) => closed(s, path));
};

export function checkMessages(body, headers, count) {
  const version = headers['anthropic-version'];
  if (!bodies[version]) {
    throw new Bad('anthropic-version', 'anthropic-version: '
      + `"${version}" is not a valid version`);
  }
  (count ? countBody : bodies[version])(body, '');
  const modern = /^claude-[a-z]+-5(-\d)?$/.test(body.model);
  for (const name of ['temperature', 'top_p', 'top_k']) {
    if (modern && name in body) {
      throw new Bad(name, `${name}: not supported by this model`);
    }
  }
  const turns = merged(body.messages);
  if (turns.find((t) => t.role !== 'system')?.role !== 'user') {
    throw new Bad('messages', 'messages: first message must use the "user" '
      + 'role');
  }
  const last = turns.at(-1);
  if (last.role === 'assistant' && modern) {
    throw new Bad('messages', 'This model does not support assistant message '
      + 'prefill. The conversation must end with a user message.');
  }
  if (last.role === 'assistant' && /\s$/.test(last.blocks.at(-1).text)) {
    throw new Bad('messages', 'messages: final assistant content cannot end '
      + 'with trailing whitespace');
  }
  if (body.tool_choice && !body.tools?.length) {
    throw new Bad('tool_choice', 'tool_choice: may only be specified while '
      + 'providing tools');
  }
  resultsFollow(turns);
  thinkingComesBack(body, turns);
  closed(body.output_config?.format?.schema, 'output_config.format.schema');
}

// --- the neutral form ------------------------------------------------------

const textOf = (c) => (typeof c === 'string' ? c
  : (c ?? []).map((b) => b.text ?? '').join(''));

const partsOf = {
  text: (b) => ({ text: b.text }),
  image: ({ source: s }) => ({ image: s.type === 'base64'
    ? { mime: s.media_type, data: s.data } : { url: s.url } }),
  tool_use: (b) => ({ call: { id: b.id, name: b.name, args: b.input } }),
  tool_result: (b, names) => ({ result: { id: b.tool_use_id,
    name: names.get(b.tool_use_id), text: textOf(b.content),
    ...(b.is_error && { failed: true }) } }),
  thinking: (b) => ({ thought: b.thinking, signature: b.signature }),
  redacted_thinking: (b) => ({ redacted: b.data }),
};

export function readMessages(body) {
  const names = new Map();
  const turns = merged(body.messages).map(({ role, blocks }) => {
    blocks.forEach((b) => names.set(b.id, b.name));
    return { role, parts: blocks.map((b) =>
      (partsOf[b.type] ?? ((other) => ({ other })))(b, names)) };
  });
  const choice = body.tool_choice;
  return {
    model: body.model, stream: !!body.stream,
    turns: turns.filter((t) => t.role !== 'system'),
    system: [...(typeof body.system === 'string' ? [body.system]
      : (body.system ?? []).map((b) => b.text)),
    ...turns.filter((t) => t.role === 'system')
      .map((t) => t.parts.map((p) => p.text).join(''))],
    tools: (body.tools ?? []).map((t) => ({ name: t.name,
      description: t.description, schema: t.input_schema })),
    choice: { any: 'required', tool: choice?.name }[choice?.type]
      ?? choice?.type,
    parallel: choice?.disable_parallel_tool_use ? false : undefined,
    max: body.max_tokens, temperature: body.temperature, topP: body.top_p,
    stop: body.stop_sequences, effort: body.output_config?.effort,
    thinking: body.thinking?.type,
    schema: body.output_config?.format?.schema,
  };
}

// --- answers ---------------------------------------------------------------

const finishes = { stop: 'end_turn', length: 'max_tokens', tools: 'tool_use',
  filter: 'refusal', blocked: 'refusal', sequence: 'stop_sequence' };

const usageOf = (u) => ({
  input_tokens: u.input - u.cached - u.written,
  cache_creation_input_tokens: u.written, cache_read_input_tokens: u.cached,
  cache_creation: { ephemeral_5m_input_tokens: u.written,
    ephemeral_1h_input_tokens: 0 },
  output_tokens: u.output,
  output_tokens_details: { thinking_tokens: u.reasoning },
  server_tool_use: null, service_tier: 'standard',
});

const blockOf = (part) => (part.call ? { type: 'tool_use', id: part.call.id,
  name: part.call.name, input: part.call.args }
  : part.thought ? { type: 'thinking', thinking: part.thought.join(''),
    signature: part.signature }
    : part.redacted ? { type: 'redacted_thinking', data: part.redacted }
      : { type: 'text', text: (part.text ?? part.refusal).join('') });

export function wholeMessages(answer, model) {
  return { id: `msg_${answer.id}`, type: 'message', role: 'assistant', model,
    content: answer.parts.map(blockOf),
    stop_reason: finishes[answer.finish],
    stop_sequence: answer.finish === 'sequence' ? 'three' : null,
    stop_details: answer.finish === 'filter'
      ? { type: 'refusal', category: null, explanation: null } : null,
    ...(answer.usage && { usage: usageOf(answer.usage) }) };
}

function deltasOf(part) {
  if (part.call) {
    return ['', ...part.call.pieces].map((partial_json) =>
      ({ type: 'input_json_delta', partial_json }));
  }
  if (part.thought) {
    return [...part.thought.map((piece) => ({ type: 'thinking_delta',
      thinking: piece })), { type: 'signature_delta',
      signature: part.signature }];
  }
  return (part.text ?? part.refusal ?? []).map((piece) =>
    ({ type: 'text_delta', text: piece }));
}

const begun = { text: { text: '' }, tool_use: { input: {} },
  thinking: { thinking: '', signature: '' }, redacted_thinking: {} };

export function streamMessages(answer, model) {
  const whole = wholeMessages(answer, model);
  const { output_tokens_details: details, ...counted } = whole.usage
    ?? usageOf({ input: 0, cached: 0, written: 0, output: 0, reasoning: 0 });
  const events = [{ type: 'message_start', message: { ...whole, content: [],
    stop_reason: null, stop_sequence: null, stop_details: null,
    usage: { ...counted, output_tokens: 1 } } }];
  answer.parts.forEach((part, index) => {
    const block = blockOf(part);
    events.push({ type: 'content_block_start', index,
      content_block: { ...block, ...begun[block.type] } },
    { type: 'ping' },
    ...deltasOf(part).map((delta) => ({ type: 'content_block_delta', index,
      delta })), { type: 'content_block_stop', index });
  });
  const { stop_reason, stop_sequence, stop_details } = whole;
  if (answer.cut) events.splice(-2);
  else if (answer.midway) {
    events.splice(4, Infinity, { type: 'error',
      error: { type: 'overloaded_error', message: answer.midway.message } });
  } else {
    events.push({ type: 'message_delta',
      delta: { stop_reason, stop_sequence, stop_details },
      usage: { output_tokens: counted.output_tokens, input_tokens: null,
        cache_read_input_tokens: null, output_tokens_details: details } });
    if (!answer.endless) events.push({ type: 'message_stop' });
  }
  return events.map((event) => `event: ${event.type}\n`
    + `data: ${JSON.stringify(event)}\n\n`);
}

export const models = (names) => ({ data: names.map((id) => ({ type: 'model',
  id, display_name: id, created_at: '2026-08-01T00:00:00Z' })),
has_more: false, first_id: names[0], last_id: names.at(-1) });

const kinds = { rate: 'rate_limit_error', server: 'api_error',
  overloaded: 'overloaded_error', key: 'authentication_error',
  model: 'not_found_error' };

export function errorOf({ status, kind, message, wait }) {
  return { status: kind === 'overloaded' ? 529 : status,
    headers: wait ? { 'retry-after': String(wait) } : {},
    body: { type: 'error', error: { type: kinds[kind]
      ?? 'invalid_request_error', message: kind === 'context'
      ? 'prompt is too long: 250000 tokens > 200000 maximum' : message },
    request_id: 'req_fake' } };
}
