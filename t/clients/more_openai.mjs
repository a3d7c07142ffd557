// The OpenAI SDK beyond conversations: embeddings, legacy completions,
// models, what a provider cannot be told, switching providers.
import assert from 'node:assert/strict';
import OpenAI from 'openai6';
import adapter, { client, fault } from './adapters/openai_chat.mjs';
import { HELLO } from './fake/scenarios.mjs';
import { CLIENT_KEY, at, fresh, journal, named as test, providers, received,
  tools, userText } from './matrix.mjs';

const say = (content) => [{ role: 'user', content }];

async function refused(call) {
  let error;
  try { await call; } catch (thrown) { error = thrown; }
  assert.ok(error instanceof OpenAI.BadRequestError, `${error?.stack}`);
  assert.equal(error.type, 'invalid_request_error');
  return fault(error);
}

// --- embeddings --------------------------------------------------------------

const near = (vector, length, dimensions = 4) => {
  assert.equal(vector.length, dimensions);
  assert.deepEqual(vector.slice(0, 3), [0.5, -0.25, 0.125]);
  assert.ok(Math.abs(vector[3] - length / 1024) < 1e-6);
};

for (const name of ['openai', 'gemini']) {
  const model = `embed-${name}`;
  test(`embeddings of ${name}: base64, as the SDK asks`, async () => {
    const answer = await client.embeddings.create({ model, input: 'hello' });
    near(answer.data[0].embedding, 5);
    assert.equal(answer.object, 'list');
    assert.equal(answer.data[0].object, 'embedding');
    assert.equal(typeof answer.usage.prompt_tokens, 'number');
  });
  test(`embeddings of ${name}: many, as floats`, async () => {
    const answer = await client.embeddings.create({ model, encoding_format:
      'float', input: ['a', 'bb', 'Grüße'], dimensions: 8 });
    assert.deepEqual(answer.data.map((d) => d.index), [0, 1, 2]);
    answer.data.forEach((d, n) => near(d.embedding, [1, 2, 5][n], 8));
  });
  test(`embeddings of ${name}: an empty list`, async () => {
    await refused(client.embeddings.create({ model, input: [] }));
  });
}

test('embeddings of a provider that has none', async () => {
  await assert.rejects(client.embeddings.create({ model: 'embed-anthropic',
    input: 'x' }), (error) => error instanceof OpenAI.APIError
      && error.status >= 400 && error.status < 500);
});

// --- legacy completions ------------------------------------------------------

for (const { name, model } of providers('openai')) {
  test(`completions of ${name}`, async () => {
    const tag = fresh();
    const answer = await client.completions.create({ model, max_tokens: 99,
      prompt: userText('text', tag) });
    assert.equal(answer.object, 'text_completion');
    assert.equal(answer.choices[0].text, HELLO);
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.equal(answer.usage.total_tokens, 37);
    const [{ neutral }] = await received(tag);
    assert.equal(neutral.max, 99);
  });
  test(`completions of ${name}, streamed`, async () => {
    const stream = await client.completions.create({ model, stream: true,
      prompt: userText('text', fresh()), max_tokens: 99,
      stream_options: { include_usage: true } });
    let text = '';
    let usage;
    for await (const chunk of stream) {
      assert.equal(chunk.object, 'text_completion');
      text += chunk.choices[0]?.text ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, HELLO);
    assert.equal(usage.total_tokens, 37);
  });
}

// --- a stream's shape --------------------------------------------------------

for (const { name, model } of providers('openai')) {
  for (const usage of [false, true]) {
    test(`chunks from ${name}, usage ${usage ? 'asked' : 'not asked'}`,
      async () => {
        const stream = await client.chat.completions.create({ model,
          stream: true, messages: say(userText('parallel', fresh())),
          tools: tools.map((t) => ({ type: 'function', function: {
            name: t.name, parameters: t.schema } })),
          ...(usage && { stream_options: { include_usage: true } }) });
        const chunks = [];
        for await (const chunk of stream) chunks.push(chunk);
        assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
        const last = usage ? chunks.pop() : undefined;
        if (last) assert.deepEqual(last.choices, []);
        if (last) assert.equal(last.usage.total_tokens, 71);
        assert.ok(chunks.every((c) => c.choices.length === 1));
        assert.ok(chunks.every((c) => (c.usage ?? null) === null));
        const deltas = chunks.map((c) => c.choices[0].delta);
        assert.equal(deltas.filter((d) => d.role).length, 1);
        assert.equal(deltas[0].role, 'assistant');
        const calls = deltas.flatMap((d) => d.tool_calls ?? []);
        assert.deepEqual(calls.filter((c) => c.id).map((c) => c.index),
          [0, 1, 2], 'each call is begun once');
        assert.deepEqual(chunks.map((c) => c.choices[0].finish_reason)
          .filter(Boolean), ['tool_calls']);
        assert.equal(chunks.at(-1).choices[0].finish_reason, 'tool_calls');
      });
  }
}

// --- what cannot be told -----------------------------------------------------

const cannot = [
  ['anthropic', { n: 2 }, 'n'],
  ['anthropic', { seed: 7 }, 'seed'],
  ['anthropic', { presence_penalty: 1 }, 'presence_penalty'],
  ['anthropic', { logit_bias: { 50256: -100 } }, 'logit_bias'],
  ['anthropic', { logprobs: true, top_logprobs: 2 }, /logprobs/],
  ['gemini', { logit_bias: { 50256: -100 } }, 'logit_bias'],
  ['gemini', { stop: ['a', 'b', 'c', 'd', 'e', 'f'] }, 'stop'],
  ['gemini', { web_search_options: { search_context_size: 'low' } },
    'web_search_options'],
  ['anthropic', { web_search_options: {} }, 'web_search_options'],
  ['gemini', { audio: { voice: 'ash', format: 'wav' } }, 'audio'],
  ['anthropic', { something_new: 1 }, 'something_new'],
];
for (const [name, more, param] of cannot) {
  const what = Object.keys(more)[0];
  test(`${name} cannot be told ${what}: refused`, async () => {
    const tag = fresh();
    const said = await refused(client.chat.completions.create({
      model: `to-${name}`, messages: say(userText('text', tag)), ...more }));
    assert.match(said.param, param instanceof RegExp ? param
      : new RegExp(`^${param}$`));
    assert.match(said.text, new RegExp(what));
    assert.deepEqual(await received(tag), [], 'and never asked');
  });
  test(`${name} cannot be told ${what}: dropped`, async () => {
    const dropping = new OpenAI({ apiKey: CLIENT_KEY, maxRetries: 0,
      baseURL: at.openai.replace('/llm/', '/llm/drop/') });
    const tag = fresh();
    const { data, response } = await dropping.chat.completions.create({
      model: `to-${name}`, messages: say(userText('text', tag)), ...more })
      .withResponse();
    assert.equal(data.choices[0].message.content, HELLO);
    assert.match(response.headers.get('x-llm-dropped') ?? '',
      new RegExp(what));
    await received(tag);
  });
}

// What changes no answer is no reason to refuse a call.
test('labels and their like are no reason to refuse', async () => {
  for (const { model } of providers('openai')) {
    const tag = fresh();
    const answer = await client.chat.completions.create({ model, n: 1,
      messages: say(userText('text', tag)), user: 'u1', store: false,
      stream: false, logprobs: false, stop: null, metadata: { a: 'b' },
      safety_identifier: 's', prompt_cache_key: 'k', presence_penalty: 0,
      frequency_penalty: 0, service_tier: 'auto', logit_bias: null,
      response_format: { type: 'text' }, modalities: ['text'],
      tool_choice: undefined });
    assert.equal(answer.choices[0].message.content, HELLO);
    await received(tag);
  }
});

test('gemini: several answers', async () => {
  const answer = await client.chat.completions.create({ model: 'to-gemini',
    messages: say(userText('two', fresh())), n: 2 });
  assert.deepEqual(answer.choices.map((c) => [c.index, c.message.content]),
    [[0, 'One of several.'], [1, 'One of several.']]);
});

test('anthropic: the newest models take no temperature', async () => {
  const said = await refused(client.chat.completions.create({
    model: 'newest', messages: say('hi'), temperature: 0.3 }));
  assert.equal(said.param, 'temperature');
  const tag = fresh();
  await client.chat.completions.create({ model: 'newest',
    messages: say(userText('text', tag)), temperature: 1 });
  await received(tag);
});

test('a temperature beyond what Anthropic takes', async () => {
  const said = await refused(client.chat.completions.create({
    model: 'to-anthropic', messages: say('hi'), temperature: 1.5 }));
  assert.equal(said.param, 'temperature');
});

// --- the client's mistakes ---------------------------------------------------

const mistakes = [
  [{ messages: 'hello' }, 'messages'],
  [{ messages: [{ role: 'nobody', content: 'x' }] }, 'messages[0].role'],
  [{ messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
  [{ messages: say('x'), temperature: 'hot' }, 'temperature'],
  [{ messages: say('x'), max_tokens: '12' }, 'max_tokens'],
  [{ messages: say('x'), tools: [{ type: 'function' }] },
    /^tools\[0\]\.function/],
  [{ messages: [...say('x'), { role: 'assistant', tool_calls: [{ id: 'a',
    type: 'function', function: { name: 'f', arguments: '{oops' } }] },
  { role: 'tool', tool_call_id: 'a', content: 'r' }] },
  /^messages/],
];
for (const [body, param] of mistakes) {
  for (const name of ['anthropic', 'gemini']) {
    test(`a mistake for ${name}: ${param}`, async () => {
      const said = await refused(client.chat.completions.create({
        model: `to-${name}`, ...body }));
      assert.match(said.param, param instanceof RegExp ? param
        : new RegExp(`^${param.replace(/[[\]]/g, '\\$&')}$`));
      assert.ok(said.text.length > 20);
    });
  }
}

// --- pictures by address -----------------------------------------------------

for (const name of ['anthropic', 'gemini']) {
  test(`an image by its address to ${name}`, async () => {
    const tag = fresh();
    const url = 'https://example.com/cat.png';
    const call = client.chat.completions.create({ model: `to-${name}`,
      messages: say([{ type: 'text', text: userText('text', tag) },
        { type: 'image_url', image_url: { url } }]) });
    if (name === 'anthropic') {
      await call;
      const [{ neutral }] = await received(tag);
      assert.deepEqual(neutral.turns[0].parts.find((p) => p.image).image,
        { url });
    } else {
      assert.match((await refused(call)).param, /messages\[0\]|image/);
    }
  });
}

// --- one conversation, several providers -------------------------------------

const names = ['openai', 'responses', 'anthropic', 'gemini'];
for (const from of names) {
  for (const to of names.filter((n) => n !== from)) {
    test(`calls of ${from}, their results to ${to}`, async () => {
      const tag = fresh();
      const talk = adapter.open(`to-${from}`, { tools,
        user: userText('thinktools', tag), effort: 'high', max: 9000 });
      const { calls } = await adapter.say(talk, true);
      // OpenAI itself takes none but its own members.
      delete talk.messages.at(-1).reasoning_content;
      adapter.results(talk, calls, ['rain', 'noon']);
      const answer = await adapter.say({ ...talk, model: `to-${to}` }, true);
      assert.equal(answer.text,
        'Results: get_weather=rain; get_time=noon.');
      await received(tag);
    });
  }
}

// --- leaving, and trying again -----------------------------------------------

for (const { name, model } of providers('openai')) {
  test(`whoever leaves, ${name} is told`, async () => {
    for (const stream of [false, true]) {
      const tag = fresh();
      const control = new AbortController();
      const call = client.chat.completions.create({ model, stream,
        messages: say(userText('hang', tag)) }, { signal: control.signal });
      const asked = async (is) => {
        for (let n = 0; n < 3000; n++) {
          const [entry] = await journal(tag, '&keep');
          if (entry && is(entry)) return true;
          await new Promise((go) => { setTimeout(go, 10); });
        }
        return false;
      };
      const ended = assert.rejects(call, OpenAI.APIUserAbortError);
      assert.ok(await asked(() => true));
      control.abort();
      await ended;
      assert.ok(await asked((entry) => entry.gone));
    }
  });
  test(`the SDK tries again what ${name} failed`, async () => {
    const tag = fresh();
    const patient = new OpenAI({ apiKey: CLIENT_KEY, baseURL: at.openai,
      maxRetries: 1 });
    await assert.rejects(patient.chat.completions.create({ model,
      messages: say(userText('500', tag)) }), OpenAI.InternalServerError);
    assert.equal((await received(tag)).length, 2);
  });
}

// --- models ------------------------------------------------------------------

test('models', async () => {
  const ids = [];
  for await (const one of client.models.list()) {
    assert.equal(one.object, 'model');
    ids.push(one.id);
  }
  for (const { model } of providers('openai')) assert.ok(ids.includes(model));
  const one = await client.models.retrieve('to-gemini');
  assert.equal(one.id, 'to-gemini');
});
