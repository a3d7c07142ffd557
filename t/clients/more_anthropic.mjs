// The Anthropic SDK beyond conversations: counting, models, errors by their
// names, what a provider cannot be told.
import assert from 'node:assert/strict';
import { Anthropic, client, old } from './adapters/anthropic.mjs';
import { HELLO } from './fake/scenarios.mjs';
import { fresh, named as test, providers, received, tools, userText }
  from './matrix.mjs';

const say = (content) => [{ role: 'user', content }];
const ask = (model, scenario, more = {}) => client.messages.create({ model,
  max_tokens: 500, messages: say(userText(scenario, more.tag ?? fresh())),
  ...more.body });

for (const { name, model } of providers('anthropic')) {
  test(`count the tokens of ${name}`, async () => {
    const answer = await client.messages.countTokens({ model,
      messages: say('hello there'), system: 'Be kind.',
      tools: tools.map((t) => ({ name: t.name, input_schema: t.schema })) });
    if (/anthropic|gemini/.test(name)) assert.equal(answer.input_tokens, 31);
    else assert.ok(answer.input_tokens > 3);
  });
  test(`the head of an answer from ${name}`, async () => {
    const { data, response } = await ask(model, 'text').withResponse();
    assert.match(response.headers.get('request-id') ?? '', /^\S{8,}$/);
    assert.equal(response.headers.get('x-llm-model'), model);
    assert.equal(data.type, 'message');
    assert.equal(data.role, 'assistant');
    assert.ok(data.id.length > 3);
    assert.equal(data.stop_sequence, null);
    assert.deepEqual(data.content.map((b) => b.type), ['text']);
  });
  test(`errors of ${name} have Anthropic's names`, async () => {
    for (const [scenario, type] of Object.entries({ 429: 'rate_limit_error',
      500: 'api_error', 503: 'overloaded_error', 404: 'not_found_error',
      context: 'invalid_request_error' })) {
      await assert.rejects(ask(model, scenario), (error) => {
        assert.equal(error.error.type, 'error');
        assert.equal(error.error.error.type, type, scenario);
        assert.ok(error.error.error.message.length > 5);
        return true;
      });
    }
  });
  test(`two questions in a row, and an answer begun, to ${name}`,
    async () => {
      const tag = fresh();
      await ask(model, 'text', { body: { messages: [
        ...say('First.'), ...say([{ type: 'text', text: 'Second.' }]),
        { role: 'assistant', content: [{ type: 'text', text: 'Yes?' }] },
        ...say(userText('text', tag))] } });
      const [{ neutral }] = await received(tag);
      const all = JSON.stringify(neutral.turns);
      assert.match(all, /First\..*Second\..*Yes\?.*Do scenario/);
    });
  test(`labels are no reason to refuse: ${name}`, async () => {
    const answer = await ask(model, 'text', { body: {
      metadata: { user_id: 'u1' }, service_tier: 'auto', stop_sequences: [],
      thinking: { type: 'disabled' }, tools: [],
      cache_control: { type: 'ephemeral' } } });
    assert.equal(answer.content[0].text, HELLO);
  });
  test(`a result that failed, with a picture and without, to ${name}`,
    async () => {
      const tag = fresh();
      const messages = say(userText('bare', tag));
      const body = { messages, tools: tools.map((t) => ({ name: t.name,
        input_schema: t.schema })) };
      const first = await ask(model, 'bare', { body });
      const call = first.content.find((b) => b.type === 'tool_use');
      messages.push({ role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', is_error: true,
          tool_use_id: call.id, content: [{ type: 'text', text: 'no ' },
            { type: 'text', text: 'way' }] },
        { type: 'text', text: 'Go on all the same.' }] });
      await ask(model, 'bare', { body });
      const [, { neutral }] = await received(tag);
      const parts = neutral.turns.flatMap((t) => t.parts);
      assert.match(parts.find((p) => p.result).result.text, /no ?\n*way/);
      assert.ok(parts.some((p) => /Go on/.test(p.text)));
    });
}

test('models', async () => {
  const ids = [];
  for await (const model of client.models.list()) {
    assert.equal(model.type, 'model');
    assert.ok(model.display_name);
    assert.ok(Date.parse(model.created_at) > 0);
    ids.push(model.id);
  }
  assert.ok(ids.includes('to-gemini'));
  assert.equal((await client.models.retrieve('to-gemini')).id, 'to-gemini');
});

test('a model that nobody knows', async () => {
  await assert.rejects(ask('no-such-model', 'text'), (error) =>
    error instanceof Anthropic.NotFoundError
      && error.error.error.type === 'not_found_error');
});

const cannot = [['openai', { top_k: 5 }, /top_k/],
  ['gemini', { container: 'c1' }, /container/],
  ['openai', { stop_sequences: ['1', '2', '3', '4', '5'] },
    /stop_sequences/]];
for (const [name, body, what] of cannot) {
  test(`${name} cannot be told ${Object.keys(body)[0]}`, async () => {
    const tag = fresh();
    await assert.rejects(ask(`to-${name}`, 'text', { tag, body }),
      (error) => {
        assert.ok(error instanceof Anthropic.BadRequestError);
        assert.match(error.message, what);
        return true;
      });
    assert.deepEqual(await received(tag), []);
  });
}

test('no max_tokens', async () => {
  await assert.rejects(client.messages.create({ model: 'to-gemini',
    messages: say('x') }), (error) => {
    assert.ok(error instanceof Anthropic.BadRequestError);
    assert.match(error.message, /max_tokens/);
    return true;
  });
});

if (!old) {
  test('adaptive thinking of the newest model', async () => {
    const tag = fresh();
    const answer = await ask('newest', 'reasoning', { tag, body: {
      thinking: { type: 'adaptive' }, output_config: { effort: 'high' } } });
    assert.equal(answer.content.at(-1).text, 'Forty-two.');
    const [{ neutral }] = await received(tag);
    assert.equal(neutral.thinking, 'adaptive');
    assert.equal(neutral.effort, 'high');
  });
}
