// The official OpenAI SDK against the gateway. GATEWAY is its base URL, SDK
// the package to import. Models: `echo` is the built-in provider, `mock` is
// aimock, the others are scripts of the fake provider in t/85-clients.t.
import assert from 'node:assert/strict';
import test from 'node:test';

const sdk = await import(process.env.SDK);
const OpenAI = sdk.default;
const client = new OpenAI({
  apiKey: 'sk-of-the-client', baseURL: process.env.GATEWAY, maxRetries: 0,
});
const patient = new OpenAI({
  apiKey: 'sk-of-the-client', baseURL: process.env.GATEWAY, maxRetries: 2,
});

const say = (content) => [{ role: 'user', content }];
const chat = (model, content, more = {}, options = {}) =>
  client.chat.completions.create(
    { model, messages: say(content), ...more }, options);

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = chunks.map((c) => c.choices[0]?.delta?.content ?? '').join('');
  return { chunks, text };
}

const tools = ['get_weather', 'get_time'].map((name) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: {} } },
}));

// --- what works ------------------------------------------------------------

for (const model of ['echo', 'mock']) {
  test(`${model}: a whole answer`, async () => {
    const answer = await chat(model, 'hello');
    assert.equal(answer.object, 'chat.completion');
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.equal(answer.choices[0].message.role, 'assistant');
    assert.ok(answer.choices[0].message.content.length > 3);
    assert.ok(answer.usage.prompt_tokens > 0);
    assert.equal(answer.usage.total_tokens,
      answer.usage.prompt_tokens + answer.usage.completion_tokens);
    assert.match(answer._request_id, /^\S{8,}$/);
  });

  test(`${model}: the head`, async () => {
    const { data, response, request_id } = await client.chat.completions
      .create({ model, messages: say('hello') }).withResponse();
    assert.ok(data.id);
    assert.equal(response.headers.get('x-llm-model'), model);
    assert.equal(response.headers.get('x-llm-provider'), model);
    assert.equal(response.headers.get('x-llm-attempts'), '1');
    assert.equal(response.headers.get('x-request-id'), request_id);
  });

  test(`${model}: a stream says what the whole answer says`, async () => {
    const whole = await chat(model, 'hello');
    const { chunks, text } = await read(
      await chat(model, 'hello', { stream: true }));
    assert.equal(text, whole.choices[0].message.content);
    assert.ok(chunks.length > 2);
    assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
    assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
    assert.ok(chunks.every((c) => c.choices.length === 1));
    assert.ok(chunks.every((c) => c.usage === undefined));
  });

  test(`${model}: usage in a stream`, async () => {
    const { chunks } = await read(await chat(model, 'hello', {
      stream: true, stream_options: { include_usage: true } }));
    const last = chunks.at(-1);
    assert.deepEqual(last.choices, []);
    const whole = await chat(model, 'hello');
    assert.equal(last.usage.prompt_tokens, whole.usage.prompt_tokens);
    assert.equal(last.usage.completion_tokens, whole.usage.completion_tokens);
  });

  test(`${model}: the stream helper`, async () => {
    const stream = client.chat.completions.stream(
      { model, messages: say('hello') });
    let deltas = '';
    stream.on('content', (delta) => { deltas += delta; });
    const final = await stream.finalChatCompletion();
    assert.equal(final.choices[0].message.content, deltas);
    assert.ok(deltas.length > 3);
  });

  test(`${model}: a readable stream`, async () => {
    const stream = await chat(model, 'hello', { stream: true });
    const lines = [];
    const decoder = new TextDecoder();
    for await (const part of stream.toReadableStream()) {
      lines.push(decoder.decode(part));
    }
    assert.ok(lines.join('').split('\n').filter(Boolean)
      .every((line) => JSON.parse(line).object === 'chat.completion.chunk'));
  });

  test(`${model}: text in any script`, async () => {
    const content = 'unicode: Grüße, 世界 👋 "x" \\ \n\t\u2028 end';
    const whole = await chat(model, content);
    const { text } = await read(await chat(model, content, { stream: true }));
    assert.equal(text, whole.choices[0].message.content);
    assert.match(text, /Grüße, 世界 👋/u);
  });

  test(`${model}: forty at once`, async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) =>
      n % 2 ? chat(model, 'hello').then((a) => a.choices[0].message.content)
        : chat(model, 'hello', { stream: true }).then(read)
          .then((r) => r.text)));
    assert.equal(new Set(answers).size, 1);
  });
}

test('echo says what it is told', async () => {
  const answer = await chat('echo', 'the quick brown fox');
  assert.match(answer.choices[0].message.content, /the quick brown fox/);
});

test('a million characters', async () => {
  const answer = await chat('echo?length=5', 'word '.repeat(200_000));
  assert.equal(answer.usage.prompt_tokens >= 200_000, true);
});

test('parameters of echo', async () => {
  const answer = await chat('echo?length=25', 'a b c');
  assert.equal(answer.usage.completion_tokens, 25);
});

// --- tools -----------------------------------------------------------------

test('tools: whole', async () => {
  const answer = await chat('mock', 'tool', { tools });
  const calls = answer.choices[0].message.tool_calls;
  assert.equal(answer.choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(calls.map((c) => c.function.name),
    ['get_weather', 'get_time']);
  assert.deepEqual(JSON.parse(calls[0].function.arguments), { city: 'Paris' });
});

test('tools: streamed', async () => {
  const stream = client.chat.completions.stream(
    { model: 'mock', messages: say('tool'), tools });
  const { choices } = await stream.finalChatCompletion();
  assert.deepEqual(choices[0].message.tool_calls.map((c) =>
    [c.function.name, JSON.parse(c.function.arguments)]),
  [['get_weather', { city: 'Paris' }], ['get_time', { zone: 'CET' }]]);
});

test('tools: echo', async () => {
  const answer = await chat('echo?tools=2', 'hi', { tools });
  const calls = answer.choices[0].message.tool_calls;
  assert.equal(calls.length, 2);
  for (const call of calls) JSON.parse(call.function.arguments);
  const { choices } = await client.chat.completions.stream(
    { model: 'echo?tools=2', messages: say('hi'), tools })
    .finalChatCompletion();
  assert.deepEqual(choices[0].message.tool_calls.map((c) => c.function),
    calls.map((c) => c.function));
});

// --- models ----------------------------------------------------------------

test('models: list', async () => {
  const ids = [];
  for await (const model of client.models.list()) {
    assert.equal(model.object, 'model');
    ids.push(model.id);
  }
  assert.ok(ids.includes('echo') && ids.includes('mock'));
});

test('models: retrieve', async () => {
  const model = await client.models.retrieve('echo');
  assert.equal(model.id, 'echo');
  assert.equal(model.owned_by, 'echo');
  assert.ok(model.created > 1_600_000_000);
  await assert.rejects(client.models.retrieve('nothing'), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'model_not_found');
    return true;
  });
});

// --- errors ----------------------------------------------------------------

const errors = [
  ['no-such-model', 'hello', 'NotFoundError', 404, 'model_not_found'],
  ['mock', 'wrong', 'BadRequestError', 400, 'invalid_value'],
  ['mock', 'limited', 'RateLimitError', 429, 'rate_limit_exceeded'],
  ['mock', 'broken', 'InternalServerError', 502, 'provider_failed'],
  ['echo?fault=401', 'x', 'InternalServerError', 502, 'provider_key_refused'],
  ['echo?fault=503', 'x', 'InternalServerError', 503, 'provider_overloaded'],
  ['echo?fault=context', 'x', 'BadRequestError', 400,
    'context_length_exceeded'],
  ['echo?fault=policy', 'x', 'BadRequestError', 400,
    'content_policy_violation'],
  ['echo?fault=refuse', 'x', 'InternalServerError', 502,
    'provider_unreachable'],
  ['echo?fault=html', 'x', 'InternalServerError', 502, 'provider_garbage'],
];
for (const [model, content, type, status, code] of errors) {
  for (const stream of [false, true]) {
    test(`error: ${model} ${content}${stream ? ', streamed' : ''}`,
      async () => {
        await assert.rejects(chat(model, content, { stream }), (error) => {
          assert.ok(error instanceof OpenAI[type], `${error}`);
          assert.equal(error.status, status);
          assert.equal(error.code, code);
          assert.match(error.requestID, /^\S{8,}$/);
          assert.equal(typeof error.type, 'string');
          assert.doesNotMatch(error.message, /canary/);
          return true;
        });
      });
  }
}

test('error: no model at all', async () => {
  await assert.rejects(client.chat.completions.create({ messages: [] }),
    (error) => error instanceof OpenAI.BadRequestError
      && error.param === 'model');
});

test('error: within a stream', async () => {
  const stream = await chat('echo?fault=cut&at=1&pace=2s', 'one two three',
    { stream: true });
  let text = '';
  await assert.rejects(async () => {
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? '';
    }
  }, (error) => error instanceof OpenAI.APIError
    && error.code === 'provider_cut');
  assert.ok(text.length > 0);
});

// --- retries -----------------------------------------------------------------

const retried = (model, stream) => patient.chat.completions.create(
  { model, messages: say('hello'), stream });

for (const stream of [false, true]) {
  const kind = stream ? 'streamed' : 'whole';
  test(`retries: 429 with retry-after-ms, then an answer, ${kind}`,
    async () => {
      const answer = await retried(`limited-twice-${kind}`, stream);
      const text = stream ? (await read(answer)).text
        : answer.choices[0].message.content;
      assert.equal(text, 'at last');
    });
  test(`retries: 500, then an answer, ${kind}`, async () => {
    const answer = await retried(`failing-once-${kind}`, stream);
    const text = stream ? (await read(answer)).text
      : answer.choices[0].message.content;
    assert.equal(text, 'at last');
  });
}

test('retries: not for the client\'s own mistakes', async () => {
  await assert.rejects(retried('mistaken', false), OpenAI.BadRequestError);
});

// --- leaving -----------------------------------------------------------------

for (const stream of [false, true]) {
  test(`abort: before the first byte${stream ? ' of a stream' : ''}`,
    async () => {
      const control = new AbortController();
      const call = chat('held', 'hello', { stream },
        { signal: control.signal });
      setTimeout(() => control.abort(), 500);
      await assert.rejects(call, OpenAI.APIUserAbortError);
    });
}

test('abort: within a stream', async () => {
  const stream = await chat('half', 'hello', { stream: true });
  let n = 0;
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content && ++n === 2) stream.controller.abort();
  }
  assert.equal(n, 2);
});

test('abort: by breaking off the loop', async () => {
  for await (const chunk of await chat('half', 'x', { stream: true })) {
    if (chunk.choices[0].delta.content) break;
  }
});

test('timeout', async () => {
  await assert.rejects(chat('held', 'hello', {}, { timeout: 1000 }),
    OpenAI.APIConnectionTimeoutError);
});

test('after all that: an answer', async () => {
  assert.ok((await chat('echo', 'still there?')).choices[0].message.content);
});
