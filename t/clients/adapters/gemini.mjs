// The official Gemini SDK.
import { ApiError, GoogleGenAI } from '@google/genai';
import { CLIENT_KEY, at } from '../matrix.mjs';

export const client = new GoogleGenAI({ apiKey: CLIENT_KEY,
  httpOptions: { baseUrl: at.gemini } });
export { ApiError };

const finishes = { STOP: 'stop', MAX_TOKENS: 'length', SAFETY: 'filter',
  PROHIBITED_CONTENT: 'filter', BLOCKLIST: 'filter' };

const usageOf = (u) => u && {
  input: u.promptTokenCount ?? 0, cached: u.cachedContentTokenCount ?? 0,
  written: 0, reasoning: u.thoughtsTokenCount ?? 0,
  output: (u.candidatesTokenCount ?? 0) + (u.thoughtsTokenCount ?? 0),
};

const callingOf = (choice) => ({ auto: { mode: 'AUTO' },
  required: { mode: 'ANY' }, none: { mode: 'NONE' } })[choice]
  ?? { mode: 'ANY', allowedFunctionNames: [choice] };

function open(model, ask) {
  const parts = [{ text: ask.user }];
  if (ask.image) {
    parts.push({ inlineData: { mimeType: 'image/png', data: ask.image } });
  }
  return { model, contents: [{ role: 'user', parts }], config: {
    ...(ask.system && { systemInstruction: ask.system }),
    ...(ask.max && { maxOutputTokens: ask.max }),
    ...(ask.temperature && { temperature: ask.temperature }),
    ...(ask.topP && { topP: ask.topP }),
    ...(ask.stop && { stopSequences: ask.stop }),
    ...(ask.effort && { thinkingConfig: { includeThoughts: true,
      thinkingLevel: ask.effort.toUpperCase() } }),
    ...(ask.schema && { responseMimeType: 'application/json',
      responseJsonSchema: ask.schema }),
    ...(ask.tools && { tools: [{ functionDeclarations: ask.tools.map((t) =>
      ({ name: t.name, description: t.description,
        parametersJsonSchema: t.schema })) }] }),
    ...(ask.choice && { toolConfig: {
      functionCallingConfig: callingOf(ask.choice) } }),
  } };
}

// As the manual says: every part of the answer goes back as it came.
function gathered(chunks) {
  const parts = chunks.flatMap((c) => c.candidates?.[0]?.content?.parts ?? []);
  const last = chunks.findLast((c) => c.candidates?.[0]?.finishReason);
  const blocked = chunks.find((c) => c.promptFeedback?.blockReason);
  return { parts, usage: chunks.findLast((c) => c.usageMetadata)
    ?.usageMetadata, why: last?.candidates[0].finishReason,
  blocked: blocked?.promptFeedback.blockReason };
}

async function streamed(talk, seen) {
  const chunks = [];
  for await (const chunk of await client.models.generateContentStream(talk)) {
    chunks.push(chunk);
    if (!seen || !chunk.text) continue;
    seen.first ||= Date.now();
    seen.text += chunk.text;
  }
  return chunks;
}

async function say(talk, stream, seen) {
  const chunks = stream ? await streamed(talk, seen)
    : [await client.models.generateContent(talk)];
  const { parts, usage, why, blocked } = gathered(chunks);
  const calls = parts.filter((p) => p.functionCall).map((p) => ({
    id: p.functionCall.id, name: p.functionCall.name,
    args: p.functionCall.args ?? {} }));
  if (parts.length) talk.contents.push({ role: 'model', parts });
  const text = (is) => parts.filter((p) => !!p.thought === is)
    .map((p) => p.text ?? '').join('');
  return { chunks: chunks.length, text: text(false), thoughts: text(true),
    calls, usage: usageOf(usage), blocked,
    finish: blocked ? 'filter' : why && (calls.length && why === 'STOP'
      ? 'tools' : finishes[why] ?? why) };
}

function results(talk, calls, texts) {
  talk.contents.push({ role: 'user', parts: calls.map((call, n) => ({
    functionResponse: { ...(call.id && { id: call.id }), name: call.name,
      response: { output: texts[n] } } })) });
}

// The SDK puts the answer's body into its message.
function fault(error) {
  if (!(error instanceof ApiError)) return undefined;
  const { status } = error;
  return { status, text: error.message,
    kind: status === 429 ? 'rate' : status >= 500 ? 'server'
      : status === 400 ? 'request' : 'other' };
}

export default { name: 'gemini', face: 'gemini', thoughts: true,
  usage: (u) => ({ ...u, written: 0 }), open, say, results, fault,
  also: (talk, text) => talk.contents.push({ role: 'user',
    parts: [{ text }] }) };
