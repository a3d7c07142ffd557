// Providers that say what no provider should, to clients of another dialect:
// a right answer or a clear error in the client's own words, and the gateway
// is there as before. ANSWER is the most that the gateway takes, in bytes.
import assert from 'node:assert/strict';
import { NAMES } from './fake/hostile.mjs';
import { fresh, named as test, providers, userText } from './matrix.mjs';

const { GATEWAY } = process.env;
const say = (content) => [{ role: 'user', content }];

const openaiError = ({ error }) => ['message', 'type', 'param', 'code']
  .every((name) => name in error) && error.message.length > 5;

const faces = {
  chat: { own: ['openai', 'responses'], isError: openaiError,
    path: () => '/v1/chat/completions',
    body: (model, text, stream) => ({ model, messages: say(text), stream }),
    textOf: (a) => a.choices[0].message.content,
    pieceOf: (e) => e.choices[0]?.delta.content ?? '',
    isEnd: (e) => e.choices[0]?.finish_reason,
    numbers: (a) => [a.usage?.prompt_tokens, a.usage?.completion_tokens] },
  responses: { own: ['responses'], isError: openaiError,
    path: () => '/v1/responses',
    body: (model, text, stream) => ({ model, input: text, stream }),
    textOf: (a) => a.output.flatMap((i) => i.content ?? [])
      .map((p) => p.text).join(''),
    pieceOf: (e) => (e.type === 'response.output_text.delta' ? e.delta : ''),
    isEnd: (e) => e.type === 'response.completed',
    isBroken: (e) => e.type === 'error' || e.type === 'response.failed',
    numbers: (a) => [a.usage?.input_tokens, a.usage?.output_tokens] },
  messages: { own: ['anthropic'], path: () => '/v1/messages',
    isError: (e) => e.type === 'error' && /_error$|too_large/.test(
      e.error.type) && e.error.message.length > 5,
    body: (model, text, stream) => ({ model, max_tokens: 100,
      messages: say(text), stream }),
    textOf: (a) => a.content.map((b) => b.text).join(''),
    pieceOf: (e) => e.delta?.text ?? '',
    isEnd: (e) => e.type === 'message_stop',
    isBroken: (e) => e.type === 'error',
    numbers: (a) => [a.usage.input_tokens, a.usage.output_tokens] },
  generate: { own: ['gemini'],
    isError: ({ error: e }) => Number.isInteger(e.code)
      && /^[A-Z_]+$/.test(e.status) && e.message.length > 5,
    path: (model, stream) => `/v1beta/models/${model}:${stream
      ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: (_, text) => ({ contents: [{ role: 'user', parts: [{ text }] }] }),
    textOf: (a) => (a.candidates[0].content.parts ?? [])
      .map((p) => p.text).join(''),
    pieceOf: (e) => (e.candidates?.[0].content?.parts ?? [])
      .map((p) => p.text ?? '').join(''),
    isEnd: (e) => e.candidates?.[0].finishReason,
    numbers: (a) => [a.usageMetadata?.promptTokenCount,
      a.usageMetadata?.candidatesTokenCount] },
};

async function ask(face, model, scenario, stream) {
  const { path, body } = faces[face];
  const answer = await fetch(`${GATEWAY}${path(model, stream)}`, {
    method: 'POST', headers: { 'content-type': 'application/json',
      'anthropic-version': '2023-06-01' },
    signal: AbortSignal.timeout(20000),
    body: JSON.stringify(body(model, userText(scenario, fresh()), stream)) });
  const bytes = await answer.arrayBuffer();
  return { status: answer.status,
    type: answer.headers.get('content-type') ?? '',
    text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
}

const refused = (face, { status, text, type }) => {
  assert.ok(status >= 500, `${status}: ${text.slice(0, 200)}`);
  assert.match(type, /^application\/json/);
  assert.ok(faces[face].isError(JSON.parse(text)), text.slice(0, 300));
};

// What can only be an error; what may not be one; the rest may be either.
const MUST_FAIL = ['hollow', 'no-body', 'scalar', 'half', 'bad-page', 'page'];
const MUST_DO = { 'infinite': 'Fine.', 'negative': 'Fine.',
  'fraction': 'Fine.', 'giant': 'Fine.', 'nul': 'A\0B' };
const MAY = { 'deep': 'Fine.', 'deep-object': 'Fine.', 'duplicate': 'Fine.',
  'trailing': 'Fine.', 'kinds': 'Fine.', 'empty': '', 'raw-nul': 'A\0B' };

function whole(face, name, answer) {
  if (answer.status !== 200) {
    assert.ok(!(name in MUST_DO), `${answer.status} ${answer.text}`);
    return refused(face, answer);
  }
  assert.ok(!MUST_FAIL.includes(name), answer.text.slice(0, 300));
  const value = JSON.parse(answer.text);
  const text = faces[face].textOf(value) ?? '';
  assert.ok(text.isWellFormed(), JSON.stringify(text));
  const should = MUST_DO[name] ?? MAY[name];
  if (should !== undefined) assert.equal(text, should);
  for (const number of faces[face].numbers(value)) {
    assert.ok(number === undefined
      || (Number.isSafeInteger(number) && number >= 0), `${number}`);
  }
  return undefined;
}

const eventsOf = (text) => text.split('\n').filter((line) =>
  /^data: [^[]/.test(line)).map((line) => JSON.parse(line.slice(6)));

// One event among good ones is broken: it is skipped, or the stream ends
// with an error; never with an end that looks whole and lacks what was said.
function streamed(face, name, answer) {
  if (answer.status !== 200) return refused(face, answer);
  const { pieceOf, isEnd, isBroken = (e) => e.error } = faces[face];
  const events = eventsOf(answer.text);
  const broken = events.some((e) => isBroken(e));
  const text = events.filter((e) => !isBroken(e)).map(pieceOf).join('');
  assert.ok(text.isWellFormed());
  assert.ok(broken || events.some(isEnd), 'it ends somehow');
  if (!broken) assert.match(text, /^Before\.[^]*After\./);
  return undefined;
}

for (const face of Object.keys(faces)) {
  for (const { name: provider, model } of providers('openai')) {
    if (faces[face].own.includes(provider)) continue;
    for (const name of NAMES) {
      test(`${face} from ${provider}: ${name}`, async () => {
        whole(face, name, await ask(face, model, name, false));
      });
      test(`${face} from ${provider}: ${name}, streamed`, async () => {
        streamed(face, name, await ask(face, model, name, true));
      });
    }
  }
}

// A hundred megabytes in one answer, and in one event.
const pairs = [['chat', 'anthropic'], ['messages', 'gemini'],
  ['generate', 'openai'], ['messages', 'responses']];
for (const stream of [false, true]) {
  test(`too long an answer${stream ? ', streamed' : ''}`, async () => {
    await Promise.all(pairs.map(async ([face, provider]) => {
      const answer = await ask(face, `to-${provider}`, 'huge', stream);
      if (!stream || answer.status !== 200) return refused(face, answer);
      assert.ok(answer.text.length < 1 << 20);
      const { isEnd, isBroken = (e) => e.error } = faces[face];
      const events = eventsOf(answer.text);
      assert.ok(events.some((e) => isBroken(e)) && !events.some(isEnd),
        answer.text.slice(-300));
      return undefined;
    }));
  });
}

test('after all that: an answer', async () => {
  for (const face of Object.keys(faces)) {
    for (const { model } of providers('openai')) {
      const { status } = await ask(face, model, 'text', false);
      assert.equal(status, 200);
    }
  }
});
