// The AI SDK of Vercel with its providers: FACE is openai, responses,
// anthropic or gemini.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, generateText, jsonSchema, Output, streamText, tool }
  from 'ai';
import { CLIENT_KEY as apiKey, at } from '../matrix.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false;
const face = process.env.FACE ?? 'openai';
const openai = createOpenAI({ apiKey, baseURL: at.openai });
const models = {
  openai: openai.chat, responses: openai.responses,
  anthropic: createAnthropic({ apiKey, baseURL: `${at.anthropic}/v1` }),
  gemini: createGoogleGenerativeAI({ apiKey,
    baseURL: `${at.gemini}/v1beta` }),
};
const efforts = {
  openai: (effort) => ({ openai: { reasoningEffort: effort,
    forceReasoning: true } }),
  responses: (effort) => ({ openai: { reasoningEffort: effort,
    reasoningSummary: 'auto', forceReasoning: true, store: false,
    include: ['reasoning.encrypted_content'] } }),
  anthropic: () => ({ anthropic: { thinking: { type: 'enabled',
    budgetTokens: 4096 } } }),
  gemini: (effort) => ({ google: { thinkingConfig: { includeThoughts: true,
    thinkingLevel: effort } } }),
};

const finishes = { 'stop': 'stop', 'length': 'length', 'tool-calls': 'tools',
  'content-filter': 'filter' };

const usageOf = (u) => u && {
  input: u.inputTokens, output: u.outputTokens,
  cached: u.inputTokenDetails.cacheReadTokens ?? 0,
  written: u.inputTokenDetails.cacheWriteTokens ?? 0,
  reasoning: u.outputTokenDetails.reasoningTokens ?? 0,
};

function open(model, ask) {
  const content = ask.image ? [{ type: 'text', text: ask.user },
    { type: 'file', data: ask.image, mediaType: 'image/png' }] : ask.user;
  const words = ['none', 'auto', 'required'];
  const store = face === 'responses' && { providerOptions: {
    openai: { store: false } } };
  return { model: models[face](model), maxRetries: 0, ...store,
    messages: [{ role: 'user', content }],
    ...(ask.system && { instructions: ask.system }),
    ...(ask.max && { maxOutputTokens: ask.max }),
    ...(ask.temperature && { temperature: ask.temperature }),
    ...(ask.topP && { topP: ask.topP }),
    ...(ask.stop && { stopSequences: ask.stop }),
    ...(ask.effort && { providerOptions: efforts[face](ask.effort) }),
    ...(ask.schema && { output: Output.object({ name: 'place',
      schema: jsonSchema(ask.schema) }) }),
    ...(ask.tools && { tools: Object.fromEntries(ask.tools.map((t) =>
      [t.name, tool({ description: t.description,
        inputSchema: jsonSchema(t.schema) })])) }),
    ...(ask.choice && { toolChoice: words.includes(ask.choice) ? ask.choice
      : { type: 'tool', toolName: ask.choice } }) };
}

async function streamed(talk, seen) {
  const answer = streamText({ ...talk, onError: () => {} });
  let chunks = 0;
  for await (const part of answer.fullStream) {
    chunks++;
    if (part.type === 'error') throw part.error;
    if (part.type !== 'text-delta' || !seen) continue;
    seen.first ||= Date.now();
    seen.text += part.text;
  }
  return { chunks, answer: { text: await answer.text,
    toolCalls: await answer.toolCalls, usage: await answer.usage,
    finishReason: await answer.finishReason,
    reasoningText: await answer.reasoningText,
    response: await answer.response } };
}

async function say(talk, stream, seen) {
  const { answer, chunks } = stream ? await streamed(talk, seen)
    : { answer: await generateText(talk), chunks: 1 };
  talk.messages.push(...answer.response.messages);
  return { chunks, text: answer.text, usage: usageOf(answer.usage),
    finish: finishes[answer.finishReason] ?? answer.finishReason,
    thoughts: answer.reasoningText ?? '',
    calls: answer.toolCalls.map((c) => ({ id: c.toolCallId, name: c.toolName,
      args: c.input })) };
}

function results(talk, calls, texts) {
  talk.messages.push({ role: 'tool', content: calls.map((call, n) => ({
    type: 'tool-result', toolCallId: call.id, toolName: call.name,
    output: { type: 'text', value: texts[n] } })) });
}

function fault(error) {
  if (!APICallError.isInstance(error)) return undefined;
  const { statusCode: status, data } = error;
  return { status, text: error.message, after:
    error.responseHeaders['retry-after'], code: data?.error?.code,
  param: data?.error?.param,
  kind: status === 429 ? 'rate' : status >= 500 ? 'server'
    : status === 400 ? 'request' : 'other' };
}

export default { name: `vercel ${face}`, face,
  headers: face !== 'gemini' || !!process.env.GATEWAY,
  // The SDK knows models by their names, and what they take.
  like: { anthropic: 'claude-sonnet-4-5-', gemini: 'gemini-3.5-flash-' }[face]
    ?? 'gpt-5.4-',
  sampling: face === 'gemini',
  thoughts: face !== 'openai',
  usage: (u) => (face === 'gemini' ? { ...u, written: 0 } : u),
  open, say, results, fault,
  also: (talk, content) => talk.messages.push({ role: 'user', content }) };
