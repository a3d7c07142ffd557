// The official OpenAI SDK and its chat completions.
import OpenAI from 'openai6';
import { CLIENT_KEY, at } from '../matrix.mjs';

export const client = new OpenAI({ apiKey: CLIENT_KEY, baseURL: at.openai,
  maxRetries: 0 });

const finishes = { stop: 'stop', length: 'length', tool_calls: 'tools',
  content_filter: 'filter' };

const usageOf = (u) => u && {
  input: u.prompt_tokens, output: u.completion_tokens,
  cached: u.prompt_tokens_details?.cached_tokens ?? 0,
  written: u.prompt_tokens_details?.cache_write_tokens ?? 0,
  reasoning: u.completion_tokens_details?.reasoning_tokens ?? 0,
};

function open(model, ask) {
  const content = ask.image ? [{ type: 'text', text: ask.user },
    { type: 'image_url', image_url: {
      url: `data:image/png;base64,${ask.image}` } }] : ask.user;
  const messages = [{ role: 'user', content }];
  if (ask.system) messages.unshift({ role: 'system', content: ask.system });
  const words = ['none', 'auto', 'required'];
  return { model, messages,
    ...(ask.max && { max_completion_tokens: ask.max }),
    ...(ask.temperature && { temperature: ask.temperature }),
    ...(ask.topP && { top_p: ask.topP }), ...(ask.stop && { stop: ask.stop }),
    ...(ask.effort && { reasoning_effort: ask.effort }),
    ...(ask.schema && { response_format: { type: 'json_schema',
      json_schema: { name: 'place', strict: true, schema: ask.schema } } }),
    ...(ask.tools && { tools: ask.tools.map((t) => ({ type: 'function',
      function: { name: t.name, description: t.description,
        parameters: t.schema } })) }),
    ...(ask.choice && { tool_choice: words.includes(ask.choice) ? ask.choice
      : { type: 'function', function: { name: ask.choice } } }) };
}

async function whole(talk) {
  const answer = await client.chat.completions.create(talk);
  return { answer, chunks: 1 };
}

async function streamed(talk, seen) {
  const stream = client.chat.completions.stream({ ...talk, stream: true,
    stream_options: { include_usage: true } });
  let chunks = 0;
  for await (const chunk of stream) {
    chunks++;
    const piece = chunk.choices[0]?.delta?.content ?? '';
    if (seen && piece) seen.first ||= Date.now();
    if (seen) seen.text += piece;
  }
  return { answer: await stream.finalChatCompletion(), chunks };
}

async function say(talk, stream, seen) {
  const { answer, chunks } = await (stream ? streamed(talk, seen)
    : whole(talk));
  const [{ message, finish_reason: why }] = answer.choices;
  const { parsed, ...plain } = message;
  talk.messages.push(plain);
  if (!finishes[why]) throw new Error(`finish_reason ${why}`);
  return { chunks, text: message.content ?? '', refusal: message.refusal,
    finish: finishes[why], usage: usageOf(answer.usage),
    calls: (message.tool_calls ?? []).map((c) => ({ id: c.id,
      name: c.function.name, args: JSON.parse(c.function.arguments) })) };
}

function results(talk, calls, texts) {
  calls.forEach((call, n) => talk.messages.push({ role: 'tool',
    tool_call_id: call.id, content: texts[n] }));
}

export function fault(error) {
  if (!(error instanceof OpenAI.APIError)) return undefined;
  return { status: error.status, code: error.code, param: error.param,
    text: error.message, after: error.headers?.get('retry-after'),
    kind: error instanceof OpenAI.RateLimitError ? 'rate'
      : error instanceof OpenAI.InternalServerError ? 'server'
        : error instanceof OpenAI.BadRequestError ? 'request' : 'other' };
}

export default { name: 'openai chat', face: 'openai', headers: true,
  usage: (u) => u, open, say, results, fault,
  also: (talk, content) => talk.messages.push({ role: 'user', content }) };
