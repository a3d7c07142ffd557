// What the gateway says as OpenAI is what OpenAI's own description allows
// (SPEC names its file), chunk by chunk; and the usage of every answer, in
// whatever dialect, is what an independent reader finds in the provider's
// own bytes.
import Ajv from 'ajv/dist/2020.js';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { extractUsage, findProvider } from '@pydantic/genai-prices';
import { fresh, named as test, providers, tools, userText }
  from './matrix.mjs';

const { GATEWAY, FAKE, KEY, SPEC } = process.env;

// --- OpenAI's description ----------------------------------------------------

// 3.1 has no "nullable"; the description uses it all the same.
function nullable(value) {
  if (Array.isArray(value)) return value.map(nullable);
  if (!value || typeof value !== 'object') return value;
  const { nullable: is, ...rest } = value;
  const all = Object.fromEntries(Object.entries(rest).map(([name, inner]) =>
    [name, nullable(inner)]));
  return is === true ? { anyOf: [all, { type: 'null' }] } : all;
}

const ajv = new Ajv({ strict: false, validateFormats: false,
  inlineRefs: false });
const { components } = JSON.parse(readFileSync(SPEC));
ajv.addSchema({ $id: 'openai', components: nullable(components) });

function valid(name, value) {
  const check = ajv.getSchema(`openai#/components/schemas/${name}`);
  assert.ok(check(value), `${name}: ${ajv.errorsText(check.errors)}\n${
    JSON.stringify(value)}`);
}

async function post(path, body) {
  const answer = await fetch(`${GATEWAY}/v1${path}`, { method: 'POST',
    headers: { 'content-type': 'application/json',
      'authorization': 'Bearer sk-of-the-client' },
    body: JSON.stringify(body) });
  return { answer, text: await answer.text() };
}

// Lines that begin with a colon are comments.
const events = (text) => text.replace(/^:.*\n/gm, '').split('\n\n')
  .map((event) => event.trim()).filter(Boolean)
  .map((event) => Object.fromEntries(event.split('\n').map((line) =>
    /^(\w+): ?(.*)$/s.exec(line).slice(1))));

const flat = tools.map((t) => ({ type: 'function', name: t.name,
  description: t.description, parameters: t.schema, strict: false }));
const nested = tools.map((t) => ({ type: 'function', function: {
  name: t.name, description: t.description, parameters: t.schema } }));
const SCENARIOS = ['text', 'tools', 'parallel', 'thinktools', 'usage',
  'length', 'refusal', 'silence', 'blocked'];

for (const { name, model } of providers('openai')) {
  for (const scenario of SCENARIOS) {
    const user = () => userText(scenario, fresh());
    const chat = () => ({ model, tools: nested,
      messages: [{ role: 'user', content: user() }] });
    const responses = () => ({ model, tools: flat, input: user() });
    test(`golden: ${name}, ${scenario}: chat`, async () => {
      const { answer, text } = await post('/chat/completions', chat());
      if (answer.status === 400) return valid('ErrorResponse',
        JSON.parse(text));
      assert.equal(answer.status, 200, text);
      return valid('CreateChatCompletionResponse', JSON.parse(text));
    });
    test(`golden: ${name}, ${scenario}: chat, streamed`, async () => {
      const { text } = await post('/chat/completions', { ...chat(),
        stream: true, stream_options: { include_usage: true } });
      const all = events(text);
      if (/^data: \{"error/.test(text) || !/^data/.test(text)) return;
      assert.equal(all.pop().data, '[DONE]');
      for (const { data, event } of all) {
        assert.equal(event, undefined, 'events have no names here');
        valid('CreateChatCompletionStreamResponse', JSON.parse(data));
      }
    });
    test(`golden: ${name}, ${scenario}: responses`, async () => {
      const { answer, text } = await post('/responses', responses());
      if (answer.status === 400) return valid('ErrorResponse',
        JSON.parse(text));
      assert.equal(answer.status, 200, text);
      return valid('Response', JSON.parse(text));
    });
    test(`golden: ${name}, ${scenario}: responses, streamed`, async () => {
      const { answer, text } = await post('/responses', { ...responses(),
        stream: true });
      if (answer.status === 400) return;
      events(text).forEach(({ event, data }, n) => {
        const value = JSON.parse(data);
        assert.equal(value.type, event);
        assert.equal(value.sequence_number, n);
        valid('ResponseStreamEvent', value);
      });
    });
  }
  test(`golden: ${name}: legacy completions`, async () => {
    const body = { model, prompt: userText('text', fresh()), max_tokens: 50 };
    const whole = await post('/completions', body);
    valid('CreateCompletionResponse', JSON.parse(whole.text));
    const { text } = await post('/completions', { ...body, stream: true });
    const all = events(text);
    assert.equal(all.pop().data, '[DONE]');
    // The description has whole answers only, which are finished.
    for (const { data } of all) {
      const value = JSON.parse(data);
      for (const choice of value.choices) choice.finish_reason ??= 'stop';
      valid('CreateCompletionResponse', value);
    }
  });
  test(`golden: ${name}: errors`, async () => {
    for (const scenario of ['429', '500', '503', '401', '404', 'context']) {
      const { answer, text } = await post('/chat/completions', { model,
        messages: [{ role: 'user', content: userText(scenario, fresh()) }] });
      assert.ok(answer.status >= 400);
      valid('ErrorResponse', JSON.parse(text));
    }
  });
}

for (const name of ['openai', 'gemini']) {
  test(`golden: ${name}: embeddings`, async () => {
    const { text } = await post('/embeddings', { model: `embed-${name}`,
      input: ['a', 'b'] });
    valid('CreateEmbeddingResponse', JSON.parse(text));
  });
}

test('golden: models', async () => {
  const list = await (await fetch(`${GATEWAY}/v1/models`)).json();
  valid('ListModelsResponse', list);
  valid('Model', await (await fetch(
    `${GATEWAY}/v1/models/${list.data[0].id}`)).json());
});

// --- usage -------------------------------------------------------------------

const google = (model, verb) => `/v1beta/models/${model}:${verb}`;
const say = (content) => [{ role: 'user', content }];
const faces = {
  chat: { provider: 'openai', flavor: 'chat',
    path: () => '/v1/chat/completions',
    body: (model, text) => ({ model, messages: say(text) }) },
  responses: { provider: 'openai', flavor: 'responses',
    path: () => '/v1/responses',
    body: (model, text) => ({ model, input: text }) },
  messages: { provider: 'anthropic', flavor: 'default',
    path: () => '/v1/messages', body: (model, text) => ({ model,
      max_tokens: 99, messages: say(text) }) },
  generate: { provider: 'google', flavor: 'default',
    path: (model) => google(model, 'generateContent'),
    body: (_, text) => ({ contents: [{ role: 'user', parts: [{ text }] }] }) },
};
const native = { openai: ['', 'chat'], responses: ['', 'responses'],
  anthropic: ['/claude', 'messages'], gemini: ['/google', 'generate'] };

async function usageOf(base, face, model, key, scenario) {
  const { provider, flavor, path, body } = faces[face];
  const answer = await fetch(`${base}${path(model)}`, { method: 'POST',
    headers: { 'content-type': 'application/json',
      'authorization': `Bearer ${key}`, 'x-goog-api-key': key,
      'anthropic-version': '2026-10-21' },
    body: JSON.stringify(body(model, userText(scenario, fresh()))) });
  const raw = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(raw));
  // The model's name matters for prices only.
  const known = { openai: 'gpt-5.4-mini', anthropic: 'claude-sonnet-4-5',
    google: 'gemini-2.5-flash' }[provider];
  const { usage } = extractUsage(findProvider({ providerId: provider }),
    { ...raw, model: known, modelVersion: known }, flavor);
  return usage;
}

// What both can say: Gemini has no word for what is written to a cache, and
// the reader knows no reasoning of Anthropic's.
const common = (usage, face, name) => {
  const { input_tokens: input, output_tokens: output } = usage;
  const nothing = [face, name].some((n) => /generate|gemini/.test(n));
  const silent = [face, name].some((n) => /messages|anthropic/.test(n));
  return { input, output, read: usage.cache_read_tokens ?? 0,
    ...(!nothing && { written: usage.cache_write_tokens ?? 0 }),
    ...(!silent && { reasoning: usage.output_reasoning_tokens ?? 0 }) };
};

for (const { name, model, real } of providers('openai')) {
  for (const face of Object.keys(faces)) {
    for (const scenario of ['usage', 'reasoning', 'text']) {
      test(`usage: ${face} from ${name}, ${scenario}`, async () => {
        const [prefix, own] = native[name];
        const theirs = await usageOf(FAKE + prefix, own, real, KEY, scenario);
        const ours = await usageOf(GATEWAY, face, model, 'k', scenario);
        assert.deepEqual(common(ours, face, name),
          common(theirs, face, name));
      });
    }
  }
}
