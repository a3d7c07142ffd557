// OpenAI's chat completions, legacy completions, embeddings and models: what
// the API takes, and what it says.
import {
  Bad, any, base64, bool, dict, either, filled, int, like, list, maybe,
  object, one, str, tagged, within,
} from './shape.mjs';

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const text = object({ 'type': one('text'), 'text': str,
  'prompt_cache_breakpoint?': any });
const parts = (shapes) => either(str, list(tagged('type', shapes),
  { least: 1 }));
const toolCall = object({ id: like(/^.{1,64}$/), type: one('function'),
  function: object({ name: like(NAME), arguments: str }) });

const message = tagged('role', {
  system: object({ 'role': any, 'content': parts({ text }), 'name?': str }),
  developer: object({ 'role': any, 'content': parts({ text }),
    'name?': str }),
  user: object({ 'role': any, 'name?': str, 'content': parts({
    text,
    image_url: object({ type: any, image_url: object({
      'url': like(/^(https?:\/\/|data:image\/[a-z]+;base64,[A-Za-z0-9+/]+=*$)/),
      'detail?': one('auto', 'low', 'high') }) }),
    input_audio: object({ type: any, input_audio: object({ data: base64,
      format: one('wav', 'mp3') }) }),
    file: object({ type: any, file: object({ 'file_id?': str,
      'file_data?': str, 'filename?': str }) }),
  }) }),
  assistant: object({ 'role': any, 'name?': str, 'refusal?': maybe(str),
    'content?': maybe(parts({ text, refusal: object({ type: any,
      refusal: str }) })), 'audio?': any, 'annotations?': any,
    'tool_calls?': list(toolCall, { least: 1 }) }),
  tool: object({ 'role': any, 'tool_call_id': str, 'content': parts({ text }),
    'name?': str }),
});

const functionTool = object({ 'type': one('function'), 'function': object({
  'name': like(NAME), 'description?': str, 'parameters?': dict,
  'strict?': maybe(bool) }) });

const format = tagged('type', {
  text: object({ type: any }),
  json_object: object({ type: any }),
  json_schema: object({ type: any, json_schema: object({
    'name': like(NAME), 'schema?': dict, 'strict?': maybe(bool),
    'description?': str }) }),
});

const shared = {
  'model': filled,
  'temperature?': maybe(within(0, 2)), 'top_p?': maybe(within(0, 1)),
  'n?': maybe(within(1, 128, int)),
  'stop?': maybe(either(str, list(filled, { most: 4 }))),
  'stream?': maybe(bool),
  'stream_options?': maybe(object({ 'include_usage?': bool,
    'include_obfuscation?': bool })),
  'presence_penalty?': maybe(within(-2, 2)),
  'frequency_penalty?': maybe(within(-2, 2)),
  'logit_bias?': maybe(dict), 'seed?': maybe(int), 'user?': str,
};

const chatBody = object({
  ...shared,
  'messages': list(message, { least: 1 }),
  'max_tokens?': maybe(within(1, 1e6, int)),
  'max_completion_tokens?': maybe(within(1, 1e6, int)),
  'logprobs?': maybe(bool), 'top_logprobs?': maybe(within(0, 20, int)),
  'response_format?': format,
  'tools?': list(functionTool, { least: 1, most: 128 }),
  'tool_choice?': either(one('none', 'auto', 'required'), tagged('type', {
    function: object({ type: any, function: object({ name: like(NAME) }) }),
    allowed_tools: object({ type: any, allowed_tools: object({
      mode: one('auto', 'required'), tools: list(object({
        type: one('function'), function: object({ name: like(NAME) }) }),
      { least: 1 }) }) }) })),
  'parallel_tool_calls?': bool,
  'reasoning_effort?': maybe(one('none', 'minimal', 'low', 'medium', 'high',
    'xhigh', 'max')),
  'verbosity?': maybe(one('low', 'medium', 'high')),
  'metadata?': maybe(dict), 'store?': maybe(bool), 'service_tier?': any,
  'modalities?': any, 'audio?': any, 'prediction?': any,
  'web_search_options?': any, 'safety_identifier?': str,
  'prompt_cache_key?': str, 'prompt_cache_retention?': any,
  'prompt_cache_options?': any, 'moderation?': any,
});

// What no shape can say: calls and results belong together.
function inOrder(messages) {
  let open = new Set();
  messages.forEach((m, n) => {
    if (m.role === 'tool') {
      if (!open.delete(m.tool_call_id)) {
        throw new Bad(`messages[${n}].tool_call_id`, "Invalid parameter: "
          + "messages with role 'tool' must be a response to a preceding "
          + "message with 'tool_calls'.");
      }
    } else if (open.size) {
      throw new Bad(`messages[${n}]`, "An assistant message with "
        + "'tool_calls' must be followed by tool messages responding to each "
        + `'tool_call_id'. Missing: ${[...open]}`);
    }
    if (m.role !== 'assistant') return;
    if (m.content == null && !m.tool_calls && m.refusal == null) {
      throw new Bad(`messages[${n}].content`, 'Invalid value for '
        + "'content': expected a string, got null.");
    }
    open = new Set((m.tool_calls ?? []).map((call) => call.id));
    if (open.size !== (m.tool_calls ?? []).length) {
      throw new Bad(`messages[${n}].tool_calls`, 'Duplicate ids.');
    }
  });
  if (open.size) {
    throw new Bad('messages', `No answers to the calls ${[...open]}`);
  }
}

export function checkChat(body) {
  chatBody(body, '');
  inOrder(body.messages);
  const needs = [['stream_options', 'stream'], ['tool_choice', 'tools'],
    ['parallel_tool_calls', 'tools'], ['top_logprobs', 'logprobs']];
  for (const [name, need] of needs) {
    if (body[name] != null && !body[need]) {
      throw new Bad(name, `'${name}' is only allowed when '${need}' is set.`);
    }
  }
  if (body.max_tokens != null && /^(gpt-5|gpt-6|o\d)/.test(body.model)) {
    throw new Bad('max_tokens', "Unsupported parameter: 'max_tokens' is not "
      + "supported with this model. Use 'max_completion_tokens' instead.",
    { code: 'unsupported_parameter' });
  }
  if (body.response_format?.type === 'json_object'
    && !/json/i.test(JSON.stringify(body.messages))) {
    throw new Bad('messages', "'messages' must contain the word 'json' in "
      + "some form, to use 'response_format' of type 'json_object'.");
  }
}

// --- the neutral form ------------------------------------------------------

const imageOf = ({ url }) => {
  const data = /^data:([^;]+);base64,(.*)$/s.exec(url);
  return data ? { mime: data[1], data: data[2] } : { url };
};

const partOf = (part) => (part.type === 'text' ? { text: part.text }
  : part.type === 'image_url' ? { image: imageOf(part.image_url) }
    : part.type === 'refusal' ? { refusal: part.refusal } : { other: part });

const partsOf = (content) => (content == null ? []
  : typeof content === 'string' ? [{ text: content }] : content.map(partOf));

const textOf = (content) =>
  partsOf(content).map((part) => part.text ?? '').join('');

// Arguments are text, and need not be JSON.
const parsed = (string) => {
  try { return JSON.parse(string); } catch { return { invalid: string }; }
};

export function readChat(body) {
  const names = new Map();
  const turns = [];
  for (const m of body.messages) {
    const parts = m.role === 'tool' ? [{ result: { id: m.tool_call_id,
      name: names.get(m.tool_call_id), text: textOf(m.content) } }]
      : partsOf(m.content);
    for (const { id, function: f } of m.tool_calls ?? []) {
      names.set(id, f.name);
      parts.push({ call: { id, name: f.name, args: parsed(f.arguments) } });
    }
    turns.push({ role: m.role, parts });
  }
  const spoken = turns.filter((t) => !/system|developer/.test(t.role));
  const { response_format: f, tool_choice: choice } = body;
  return {
    model: body.model, stream: !!body.stream, turns: spoken, n: body.n,
    system: body.messages.filter((m) => /system|developer/.test(m.role))
      .map((m) => textOf(m.content)),
    tools: (body.tools ?? []).map(({ function: t }) => ({ name: t.name,
      description: t.description, schema: t.parameters })),
    choice: choice?.function?.name ?? choice?.allowed_tools?.mode ?? choice,
    parallel: body.parallel_tool_calls,
    max: body.max_completion_tokens ?? body.max_tokens,
    temperature: body.temperature, topP: body.top_p,
    stop: typeof body.stop === 'string' ? [body.stop] : body.stop ?? undefined,
    effort: body.reasoning_effort,
    schema: f?.json_schema?.schema ?? (f?.type === 'json_object'
      ? 'any' : undefined),
  };
}

// --- answers ---------------------------------------------------------------

const finishes = { stop: 'stop', length: 'length', tools: 'tool_calls',
  filter: 'stop', sequence: 'stop', blocked: 'content_filter' };

const usageOf = (u) => ({
  prompt_tokens: u.input, completion_tokens: u.output,
  total_tokens: u.input + u.output,
  prompt_tokens_details: { cached_tokens: u.cached,
    cache_write_tokens: u.written, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: u.reasoning, audio_tokens: 0,
    accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
});

const joined = (answer, kind) => answer.parts.filter((p) => p[kind])
  .flatMap((p) => p[kind]).join('');
const callsOf = (answer) => answer.parts.filter((p) => p.call)
  .map((p) => p.call);

function frame(answer, model, stream) {
  return { id: `chatcmpl-${answer.id}`,
    object: stream ? 'chat.completion.chunk' : 'chat.completion',
    created: 1790000000, model: `${model}-2026-08-01`,
    service_tier: 'default', system_fingerprint: 'fp_fake' };
}

export function wholeChat(answer, model) {
  const calls = callsOf(answer).map((call) => ({ id: call.id,
    type: 'function', function: { name: call.name, arguments: call.text } }));
  const said = joined(answer, 'text');
  const message = { role: 'assistant',
    content: said || (calls.length || joined(answer, 'refusal')
      ? null : ''),
    refusal: joined(answer, 'refusal') || null, annotations: [] };
  if (calls.length) message.tool_calls = calls;
  const choices = Array.from({ length: answer.choices ?? 1 }, (_, index) =>
    ({ index, message, logprobs: null,
      finish_reason: finishes[answer.finish] }));
  return { ...frame(answer, model), choices,
    ...(answer.usage && { usage: usageOf(answer.usage) }) };
}

// The deltas of a stream's only choice, as [delta…]. `interleaved` calls
// take turns with their fragments.
function deltasOf(answer) {
  const calls = callsOf(answer);
  const deltas = [{ role: 'assistant', content: calls.length
    && !joined(answer, 'text') ? null : '', refusal: null }];
  for (const part of answer.parts) {
    for (const piece of part.text ?? []) deltas.push({ content: piece });
    for (const piece of part.refusal ?? []) deltas.push({ refusal: piece });
  }
  const each = calls.map((call, index) => [
    { index, id: call.id, type: 'function',
      function: { name: call.name, arguments: '' } },
    ...call.pieces.map((piece) => ({ index, function: { arguments: piece } })),
  ]);
  const longest = Math.max(0, ...each.map((one) => one.length));
  const ordered = !answer.interleaved ? each.flat()
    : Array.from({ length: longest }, (_, n) =>
      each.flatMap((one) => one.slice(n, n + 1))).flat();
  for (const call of ordered) deltas.push({ tool_calls: [call] });
  return deltas;
}

export function streamChat(answer, model, body) {
  const usage = body.stream_options?.include_usage;
  const chunk = (choices, more = {}) => ({ ...frame(answer, model, true),
    choices, ...(usage && { usage: null }), ...more });
  const events = [];
  for (const delta of deltasOf(answer)) {
    for (let index = 0; index < (answer.choices ?? 1); index++) {
      events.push(chunk([{ index, delta, logprobs: null,
        finish_reason: null }], { obfuscation: 'x7Qd' }));
    }
  }
  if (!answer.cut) {
    for (let index = 0; index < (answer.choices ?? 1); index++) {
      events.push(chunk([{ index, delta: {}, logprobs: null,
        finish_reason: finishes[answer.finish] }]));
    }
    if (usage && answer.usage) {
      events.push(chunk([], { usage: usageOf(answer.usage) }));
    }
  }
  if (answer.midway) {
    events.splice(2, Infinity, { error: { message: answer.midway.message,
      type: 'server_error', param: null, code: 'server_error' } });
  }
  const ended = answer.cut || answer.endless || answer.midway;
  return [...events.map((event) => `data: ${JSON.stringify(event)}\n\n`),
    ...(ended ? [] : ['data: [DONE]\n\n'])];
}

// --- legacy completions ----------------------------------------------------

const legacyBody = object({
  ...shared, 'prompt': either(str, list(any, { least: 1 })),
  'max_tokens?': maybe(within(0, 1e6, int)), 'suffix?': maybe(str),
  'best_of?': maybe(int), 'echo?': maybe(bool),
  'logprobs?': maybe(within(0, 5, int)),
});

export const checkLegacy = (body) => legacyBody(body, '');

export const readLegacy = (body) => ({
  model: body.model, stream: !!body.stream, system: [], tools: [],
  turns: [{ role: 'user', parts: [{ text: [body.prompt].flat().join(' ') }] }],
  max: body.max_tokens, n: body.n,
});

export function wholeLegacy(answer, model) {
  return { ...frame(answer, model), object: 'text_completion',
    choices: [{ index: 0, text: joined(answer, 'text'), logprobs: null,
      finish_reason: finishes[answer.finish] }],
    usage: usageOf(answer.usage) };
}

export function streamLegacy(answer, model, body) {
  const usage = body.stream_options?.include_usage;
  const chunk = (choices, more = {}) => ({ ...frame(answer, model),
    object: 'text_completion', choices, ...(usage && { usage: null }),
    ...more });
  const choice = (piece, finish) => [{ index: 0, text: piece, logprobs: null,
    finish_reason: finish }];
  const events = answer.parts.flatMap((p) => p.text ?? [])
    .map((piece) => chunk(choice(piece, null)));
  events.push(chunk(choice('', finishes[answer.finish])));
  if (usage) events.push(chunk([], { usage: usageOf(answer.usage) }));
  return [...events.map((event) => `data: ${JSON.stringify(event)}\n\n`),
    'data: [DONE]\n\n'];
}

// --- embeddings, models, errors --------------------------------------------

export const checkEmbeddings = (body) => object({
  'model': filled, 'encoding_format?': one('float', 'base64'),
  'input': either(filled, list(filled, { least: 1, most: 2048 }),
    list(int, { least: 1 }), list(list(int, { least: 1 }), { least: 1 })),
  'dimensions?': within(1, 4096, int), 'user?': str,
})(body, '');

// Three numbers that floats hold exactly, and how long the text was.
export const vectorOf = (input, dimensions = 4) =>
  Array.from({ length: dimensions }, (_, n) =>
    [0.5, -0.25, 0.125][n] ?? input.length / 1024);

export function embeddings(body) {
  const { input } = body;
  const inputs = typeof input === 'string' || typeof input[0] === 'number'
    ? [input] : input;
  const data = inputs.map((one, index) => {
    const vector = vectorOf(one, body.dimensions);
    const bytes = Buffer.from(Float32Array.from(vector).buffer);
    return { object: 'embedding', index,
      embedding: body.encoding_format === 'base64'
        ? bytes.toString('base64') : vector };
  });
  return { object: 'list', data, model: body.model,
    usage: { prompt_tokens: 8, total_tokens: 8 } };
}

export const models = (names) => ({ object: 'list', data: names.map((id) =>
  ({ id, object: 'model', created: 1790000000, owned_by: 'fake' })) });

const errors = {
  rate: ['requests', 'rate_limit_exceeded'],
  server: ['server_error', null], overloaded: ['server_error', 'overloaded'],
  key: ['invalid_request_error', 'invalid_api_key'],
  model: ['invalid_request_error', 'model_not_found'],
  context: ['invalid_request_error', 'context_length_exceeded'],
};

export function errorOf({ status, kind, message, path, code, wait }) {
  const [type, usual] = errors[kind] ?? ['invalid_request_error', null];
  return { status, headers: wait ? { 'retry-after': String(wait),
    'x-ratelimit-remaining-requests': '0' } : {},
  body: { error: { message, type, param: path ?? null,
    code: code ?? usual } } };
}
