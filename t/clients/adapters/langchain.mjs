// LangChain's ChatOpenAI.
import { HumanMessage, SystemMessage, ToolMessage }
  from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { CLIENT_KEY, at } from '../matrix.mjs';

const finishes = { stop: 'stop', length: 'length', tool_calls: 'tools',
  content_filter: 'filter' };

const usageOf = (u) => u && {
  input: u.input_tokens, output: u.output_tokens,
  cached: u.input_token_details?.cache_read ?? 0, written: 0,
  reasoning: u.output_token_details?.reasoning ?? 0,
};

function open(model, ask) {
  const content = ask.image ? [{ type: 'text', text: ask.user },
    { type: 'image_url', image_url: {
      url: `data:image/png;base64,${ask.image}` } }] : ask.user;
  const chat = new ChatOpenAI({ model, apiKey: CLIENT_KEY, maxRetries: 0,
    useResponsesApi: false, configuration: { baseURL: at.openai },
    ...(ask.temperature && { temperature: ask.temperature }),
    ...(ask.topP && { topP: ask.topP }), ...(ask.stop && { stop: ask.stop }),
    ...(ask.max && { maxCompletionTokens: ask.max }) });
  const more = { ...(ask.effort && { reasoning: { effort: ask.effort } }),
    ...(ask.choice && { tool_choice: ask.choice }),
    ...(ask.stop && { stop: ask.stop }),
    ...(ask.max && { modelKwargs: {} }),
    ...(ask.schema && { response_format: { type: 'json_schema',
      json_schema: { name: 'place', strict: true, schema: ask.schema } } }) };
  return { chat: ask.tools ? chat.bindTools(ask.tools.map((t) => ({
    type: 'function', function: { name: t.name, description: t.description,
      parameters: t.schema } })), more) : chat.withConfig(more),
  messages: [...(ask.system ? [new SystemMessage(ask.system)] : []),
    new HumanMessage({ content })] };
}

async function streamed(talk, seen) {
  let answer;
  let chunks = 0;
  for await (const chunk of await talk.chat.stream(talk.messages)) {
    chunks++;
    answer = answer ? answer.concat(chunk) : chunk;
    if (!seen || !chunk.content) continue;
    seen.first ||= Date.now();
    seen.text += chunk.content;
  }
  return { answer, chunks };
}

async function say(talk, stream, seen) {
  const { answer, chunks } = stream ? await streamed(talk, seen)
    : { answer: await talk.chat.invoke(talk.messages), chunks: 1 };
  talk.messages.push(answer);
  const why = answer.response_metadata.finish_reason;
  return { chunks, text: answer.content, finish: finishes[why] ?? why,
    refusal: answer.additional_kwargs.refusal,
    usage: usageOf(answer.usage_metadata),
    calls: (answer.tool_calls ?? []).map((c) => ({ id: c.id, name: c.name,
      args: c.args })) };
}

function results(talk, calls, texts) {
  calls.forEach((call, n) => talk.messages.push(new ToolMessage({
    content: texts[n], tool_call_id: call.id, name: call.name })));
}

function fault(error) {
  const { status } = error;
  if (!status) return undefined;
  return { status, text: error.message, code: error.code, param: error.param,
    after: error.headers?.get?.('retry-after'),
    kind: status === 429 ? 'rate' : status >= 500 ? 'server'
      : status === 400 ? 'request' : 'other' };
}

export default { name: 'langchain', face: 'openai', headers: true,
  refusals: false,
  usage: (u) => ({ ...u, written: 0 }), open, say, results, fault,
  like: 'gpt-5.4-', sampling: false,
  also: (talk, content) => talk.messages.push(new HumanMessage(content)) };
