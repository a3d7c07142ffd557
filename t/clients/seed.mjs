// The seed's own REST, from every provider: complete, chat, stream, models.
import assert from 'node:assert/strict';
import { HELLO } from './fake/scenarios.mjs';
import { fresh, named as test, providers, received, userText }
  from './matrix.mjs';

const { GATEWAY } = process.env;

async function post(path, body) {
  const answer = await fetch(`${GATEWAY}/api/${path}`, { method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body) });
  return { status: answer.status, text: await answer.text(),
    type: answer.headers.get('content-type') };
}

for (const { name, model, real } of providers('openai')) {
  test(`complete, by ${name}`, async () => {
    for (const wrap of [(o) => [o], (o) => o, (o) => ({ args: [o] })]) {
      const tag = fresh();
      const { status, text } = await post('complete', wrap({ model,
        prompt: userText('text', tag), maxTokens: 70 }));
      assert.equal(status, 200, text);
      const { result } = JSON.parse(text);
      assert.equal(result.content, HELLO);
      assert.deepEqual(result.usage, { promptTokens: 25,
        completionTokens: 12, totalTokens: 37 });
      const [{ neutral }] = await received(tag);
      assert.equal(neutral.model, real);
      assert.equal(neutral.max, 70);
    }
  });
  test(`chat, by ${name}`, async () => {
    const tag = fresh();
    const { status, text } = await post('chat', [[
      { role: 'system', content: 'S' }, { role: 'user', content: 'x' },
      { role: 'assistant', content: 'y' },
      { role: 'user', content: userText('usage', tag) }], { model }]);
    assert.equal(status, 200, text);
    assert.equal(JSON.parse(text).result.content, 'Counted.');
    const [{ neutral }] = await received(tag);
    assert.deepEqual(neutral.system, ['S']);
    assert.equal(neutral.turns.length, 3);
  });
  test(`stream, by ${name}`, async () => {
    const { status, text } = await post('stream', { model,
      prompt: userText('text', fresh()) });
    assert.equal(status, 200);
    assert.ok(text.length > HELLO.length);
  });
  test(`errors, by ${name}`, async () => {
    const { status, text } = await post('complete', { model,
      prompt: userText('429', fresh()) });
    assert.equal(status, 429);
    assert.match(JSON.stringify(JSON.parse(text).error), /\w{4}/);
  });
}

test('models', async () => {
  const answer = await fetch(`${GATEWAY}/api/models`);
  assert.ok((await answer.json()).result.includes('to-gemini'));
});
