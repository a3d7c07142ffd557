// OpenAI's Responses API: what it takes, and what it says.
import {
  Bad, any, bool, dict, either, filled, int, like, list, maybe, object, one,
  str, tagged, within,
} from './shape.mjs';

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const inputText = object({ 'type': any, 'text': str,
  'prompt_cache_breakpoint?': any });
const inputImage = object({ 'type': any, 'detail?': maybe(one('auto', 'low',
  'high', 'original')), 'file_id?': maybe(str), 'image_url?': maybe(
  like(/^(https?:\/\/|data:image\/[a-z]+;base64,[A-Za-z0-9+/]+=*$)/)) });
const inputFile = object({ 'type': any, 'file_id?': str, 'file_data?': str,
  'filename?': str, 'file_url?': str });
const given = either(str, list(tagged('type', { input_text: inputText,
  input_image: inputImage, input_file: inputFile })));
const said = either(str, list(tagged('type', {
  output_text: object({ 'type': any, 'text': str, 'annotations?': list(any),
    'logprobs?': any }),
  refusal: object({ type: any, refusal: str }) })));

const messageOf = (content) => object({ 'type?': any, 'role': any, content,
  'id?': like(/^msg_/), 'status?': str, 'phase?': any });
const item = tagged('type', {
  message: tagged('role', { user: messageOf(given), system: messageOf(given),
    developer: messageOf(given), assistant: messageOf(said) }),
  function_call: object({ 'type': any, 'id?': like(/^fc_/), 'call_id':
    like(/^.{1,64}$/), 'name': like(NAME), 'arguments': str,
  'status?': str }),
  function_call_output: object({ 'type': any, 'id?': str, 'call_id':
    like(/^.{1,64}$/), 'output': given, 'status?': str }),
  reasoning: object({ 'type': any, 'id?': like(/^rs_/), 'summary': list(object({
    type: one('summary_text'), text: str })), 'encrypted_content?': maybe(str),
  'content?': any, 'status?': any }),
}, 'message');

const body = object({
  'model': filled, 'input': either(str, list(item, { least: 1 })),
  'instructions?': maybe(str),
  'max_output_tokens?': maybe(within(16, 1e6, int)),
  'temperature?': maybe(within(0, 2)), 'top_p?': maybe(within(0, 1)),
  'top_logprobs?': maybe(int), 'stream?': maybe(bool),
  'stream_options?': maybe(object({ 'include_obfuscation?': bool })),
  'store?': maybe(bool), 'metadata?': maybe(dict), 'user?': str,
  'parallel_tool_calls?': maybe(bool), 'max_tool_calls?': maybe(int),
  'previous_response_id?': maybe(str), 'conversation?': any,
  'include?': maybe(list(str)), 'truncation?': any, 'background?': any,
  'service_tier?': any, 'safety_identifier?': str, 'prompt_cache_key?': str,
  'prompt_cache_retention?': any, 'prompt_cache_options?': any,
  'reasoning?': maybe(object({ 'effort?': maybe(one('none', 'minimal', 'low',
    'medium', 'high', 'xhigh', 'max')), 'summary?': maybe(one('auto',
    'concise', 'detailed')) })),
  'text?': object({ 'verbosity?': maybe(str), 'format?': tagged('type', {
    text: object({ type: any }), json_object: object({ type: any }),
    json_schema: object({ 'type': any, 'name': like(NAME), 'schema': dict,
      'strict?': maybe(bool), 'description?': str }) }) }),
  'tools?': list(tagged('type', { function: object({ 'type': any,
    'name': like(NAME), 'description?': maybe(str), 'parameters':
      maybe(dict), 'strict?': maybe(bool) }) })),
  'tool_choice?': either(one('none', 'auto', 'required'), object({
    type: one('function'), name: like(NAME) })),
});

export function checkResponses(request) {
  body(request, '');
  if (typeof request.input === 'string') return;
  const open = new Set();
  request.input.forEach((one, n) => {
    if (one.type === 'function_call') open.add(one.call_id);
    if (one.type !== 'function_call_output') return;
    if (!open.delete(one.call_id)) {
      throw new Bad('input', 'No tool call found for function call output '
        + `with call_id ${one.call_id} (item ${n}).`);
    }
  });
  if (open.size) {
    throw new Bad('input', `No tool output found for function call `
      + `${[...open]}.`);
  }
}

// --- the neutral form ------------------------------------------------------

const imageOf = (url) => {
  const data = /^data:([^;]+);base64,(.*)$/s.exec(url);
  return data ? { mime: data[1], data: data[2] } : { url };
};
const partOf = (part) => (part.type === 'input_image'
  ? { image: imageOf(part.image_url) }
  : part.type === 'refusal' ? { refusal: part.refusal }
    : { text: part.text });
const partsOf = (content) => (typeof content === 'string'
  ? [{ text: content }] : content.map(partOf));
const textOf = (content) =>
  partsOf(content).map((part) => part.text ?? '').join('');
const parsed = (string) => {
  try { return JSON.parse(string); } catch { return { invalid: string }; }
};

function turnOf(one, names) {
  if (one.type === 'function_call') {
    names.set(one.call_id, one.name);
    return { role: 'assistant', parts: [{ call: { id: one.call_id,
      name: one.name, args: parsed(one.arguments) } }] };
  }
  if (one.type === 'function_call_output') {
    return { role: 'tool', parts: [{ result: { id: one.call_id,
      name: names.get(one.call_id), text: textOf(one.output) } }] };
  }
  if (one.type === 'reasoning') {
    return { role: 'assistant', parts: [{ thought: one.summary
      .map((s) => s.text).join(''), signature: one.encrypted_content }] };
  }
  return { role: one.role, parts: partsOf(one.content) };
}

export function readResponses(request) {
  const names = new Map();
  const items = typeof request.input === 'string'
    ? [{ role: 'user', content: request.input }] : request.input;
  const turns = items.map((one) => turnOf(one, names));
  const choice = request.tool_choice;
  const format = request.text?.format;
  return {
    model: request.model, stream: !!request.stream,
    turns: turns.filter((t) => !/system|developer/.test(t.role)),
    system: [...(request.instructions ? [request.instructions] : []),
      ...turns.filter((t) => /system|developer/.test(t.role))
        .map((t) => t.parts.map((p) => p.text).join(''))],
    tools: (request.tools ?? []).map((t) => ({ name: t.name,
      description: t.description ?? undefined, schema: t.parameters })),
    choice: choice?.name ?? choice, parallel: request.parallel_tool_calls,
    max: request.max_output_tokens, temperature: request.temperature,
    topP: request.top_p, effort: request.reasoning?.effort,
    schema: format?.schema ?? (format?.type === 'json_object'
      ? 'any' : undefined),
  };
}

// --- answers ---------------------------------------------------------------

const usageOf = (u) => ({
  input_tokens: u.input, output_tokens: u.output,
  total_tokens: u.input + u.output,
  input_tokens_details: { cached_tokens: u.cached,
    cache_write_tokens: u.written },
  output_tokens_details: { reasoning_tokens: u.reasoning },
});

function outputOf(answer) {
  return answer.parts.map((part, n) => {
    const id = `${answer.id}${n}`;
    if (part.call) {
      return { type: 'function_call', id: `fc_${id}`, call_id: part.call.id,
        name: part.call.name, arguments: part.call.text,
        status: 'completed' };
    }
    if (part.thought || part.redacted) {
      return { type: 'reasoning', id: `rs_${id}`,
        summary: part.thought ? [{ type: 'summary_text',
          text: part.thought.join('') }] : [],
        encrypted_content: part.signature ?? part.redacted };
    }
    return { type: 'message', id: `msg_${id}`, role: 'assistant',
      status: 'completed', content: [part.refusal
        ? { type: 'refusal', refusal: part.refusal.join('') }
        : { type: 'output_text', text: part.text.join(''), annotations: [],
          logprobs: [] }] };
  });
}

export function wholeResponses(answer, model, request, more = {}) {
  const short = answer.finish === 'length' ? 'max_output_tokens'
    : answer.finish === 'blocked' ? 'content_filter' : null;
  return {
    id: `resp_${answer.id}`, object: 'response', created_at: 1790000000,
    completed_at: 1790000001, status: short ? 'incomplete' : 'completed',
    background: false, error: null,
    incomplete_details: short && { reason: short },
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: null, metadata: request.metadata ?? {},
    model: `${model}-2026-08-01`, output: outputOf(answer),
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null, prompt_cache_key: null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
    safety_identifier: null, service_tier: 'default', store: true,
    temperature: request.temperature ?? 1,
    text: { format: request.text?.format ?? { type: 'text' },
      verbosity: 'medium' },
    tool_choice: request.tool_choice ?? 'auto', tools: (request.tools ?? [])
      .map((tool) => ({ strict: true, description: null, ...tool })),
    top_logprobs: 0, top_p: request.top_p ?? 1, truncation: 'disabled',
    ...(answer.usage && { usage: usageOf(answer.usage) }), ...more,
  };
}

// The events of one output item between its added and its done.
function inner(part, item_id, output_index) {
  const at = { item_id, output_index };
  const pieces = part.text ?? part.refusal ?? part.thought
    ?? part.call?.pieces ?? [];
  const all = pieces.join('');
  const deltas = (type, more = {}) =>
    pieces.map((delta) => ({ type, ...at, ...more, delta }));
  if (part.call) {
    return [...deltas('response.function_call_arguments.delta'),
      { type: 'response.function_call_arguments.done', ...at,
        name: part.call.name, arguments: all }];
  }
  if (part.thought) {
    const here = { summary_index: 0 };
    const name = 'response.reasoning_summary_';
    return [{ type: `${name}part.added`, ...at, ...here,
      part: { type: 'summary_text', text: '' } },
    ...deltas(`${name}text.delta`, here),
    { type: `${name}text.done`, ...at, ...here, text: all },
    { type: `${name}part.done`, ...at, ...here,
      part: { type: 'summary_text', text: all } }];
  }
  if (part.redacted) return [];
  const here = { content_index: 0 };
  const whole = (value) => (part.refusal
    ? { type: 'refusal', refusal: value }
    : { type: 'output_text', text: value, annotations: [], logprobs: [] });
  const name = part.refusal ? 'refusal' : 'output_text';
  const logprobs = part.refusal ? {} : { logprobs: [] };
  return [
    { type: 'response.content_part.added', ...at, ...here, part: whole('') },
    ...deltas(`response.${name}.delta`, { ...here, ...logprobs }),
    { type: `response.${name}.done`, ...at, ...here, ...logprobs,
      ...(part.refusal ? { refusal: all } : { text: all }) },
    { type: 'response.content_part.done', ...at, ...here, part: whole(all) }];
}

const empty = (one) => ({ ...one,
  ...(one.status && { status: 'in_progress' }),
  ...(one.content && { content: [] }), ...(one.summary && { summary: [] }),
  ...(one.type === 'function_call' && { arguments: '' }) });

export function streamResponses(answer, model, request) {
  const done = wholeResponses(answer, model, request);
  const { usage, ...rest } = done;
  const begun = { ...rest, status: 'in_progress', output: [],
    completed_at: null, incomplete_details: null };
  const events = [{ type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun }];
  done.output.forEach((one, output_index) => {
    events.push({ type: 'response.output_item.added', output_index,
      item: empty(one) },
    ...inner(answer.parts[output_index], one.id, output_index),
    { type: 'response.output_item.done', output_index, item: one });
  });
  if (answer.cut) events.splice(-3);
  else if (answer.midway) {
    events.splice(6, Infinity, { type: 'error', code: 'server_error',
      message: answer.midway.message, param: null });
  } else if (!answer.endless) {
    events.push({ type: `response.${done.status}`, response: done });
  }
  return events.map((event, sequence_number) => `event: ${event.type}\n`
    + `data: ${JSON.stringify({ ...event, sequence_number })}\n\n`);
}
