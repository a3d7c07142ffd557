// The Gemini SDK beyond conversations: counting, embeddings, models, errors,
// schemas in Google's own words, a chat, and several calls at once.
import assert from 'node:assert/strict';
import { Type } from '@google/genai';
import { ApiError, client } from './adapters/gemini.mjs';
import { HELLO } from './fake/scenarios.mjs';
import { fresh, named as test, providers, received, userText }
  from './matrix.mjs';

const said = (error) => JSON.parse(error.message).error;

for (const { name, model } of providers('gemini')) {
  test(`count the tokens of ${name}`, async () => {
    const answer = await client.models.countTokens({ model,
      contents: 'hello there' });
    if (/anthropic|gemini/.test(name)) assert.equal(answer.totalTokens, 31);
    else assert.ok(answer.totalTokens > 1);
  });
  test(`a plain string to ${name}`, async () => {
    const answer = await client.models.generateContent({ model,
      contents: userText('text', fresh()) });
    assert.equal(answer.text, HELLO);
    assert.equal(answer.candidates.length, 1);
    assert.equal(answer.candidates[0].content.role, 'model');
    assert.equal(answer.candidates[0].finishReason, 'STOP');
    assert.equal(answer.usageMetadata.totalTokenCount, 37);
  });
  test(`a chat with ${name}`, async () => {
    const chat = client.chats.create({ model });
    const tag = fresh();
    await chat.sendMessage({ message: userText('usage', tag) });
    const stream = await chat.sendMessageStream({
      message: userText('text', tag) });
    let text = '';
    for await (const chunk of stream) text += chunk.text ?? '';
    assert.equal(text, HELLO);
    const [, { neutral }] = await received(tag);
    assert.deepEqual(neutral.turns.map((t) => t.role),
      ['user', 'assistant', 'user']);
  });
  test(`errors of ${name} have Google's names`, async () => {
    for (const [scenario, status, code] of [
      ['429', 'RESOURCE_EXHAUSTED', 429], ['404', 'NOT_FOUND', 404],
      ['503', 'UNAVAILABLE', 503], ['context', 'INVALID_ARGUMENT', 400]]) {
      await assert.rejects(client.models.generateContent({ model,
        contents: userText(scenario, fresh()) }), (error) => {
        assert.ok(error instanceof ApiError);
        assert.equal(error.status, code);
        assert.equal(said(error).code, code);
        assert.equal(said(error).status, status);
        if (code === 429) assert.match(error.message, /"7s"/);
        return true;
      });
    }
  });
  // Google's Type is in capitals; elsewhere it is JSON Schema's.
  test(`schemas in Google's words to ${name}`, async () => {
    const tag = fresh();
    await client.models.generateContent({ model,
      contents: userText('tools', tag), config: {
        tools: [{ functionDeclarations: [{ name: 'get_weather',
          description: 'd', parameters: { type: Type.OBJECT, properties: {
            city: { type: Type.STRING, nullable: true, description: 'c' },
            days: { type: Type.ARRAY, items: { type: Type.INTEGER } } },
          required: ['city'] } }] }] } });
    const [{ neutral }] = await received(tag);
    const { schema } = neutral.tools[0];
    if (name === 'gemini') return;
    assert.equal(schema.type, 'object');
    assert.deepEqual([schema.properties.city.type].flat()[0], 'string');
    assert.equal(schema.properties.days.type, 'array');
    assert.equal(schema.properties.days.items.type, 'integer');
    assert.deepEqual(schema.required, ['city']);
  });
  test(`an answer by Google's schema from ${name}`, async () => {
    const tag = fresh();
    const answer = await client.models.generateContent({ model,
      contents: userText('json', tag), config: {
        responseMimeType: 'application/json', responseSchema: {
          type: Type.OBJECT, properties: { city: { type: Type.STRING },
            days: { type: Type.INTEGER } } } } });
    assert.deepEqual(JSON.parse(answer.text), { city: 'Paris', days: 3 });
    const [{ neutral }] = await received(tag);
    assert.equal(neutral.schema.properties.city.type.toLowerCase(), 'string');
  });
}

for (const name of ['openai', 'gemini']) {
  test(`embeddings of ${name}`, async () => {
    const answer = await client.models.embedContent({ model: `embed-${name}`,
      contents: ['a', 'bb'], config: { outputDimensionality: 6 } });
    assert.deepEqual(answer.embeddings.map((e) => e.values.length), [6, 6]);
    assert.deepEqual(answer.embeddings[1].values.slice(0, 3),
      [0.5, -0.25, 0.125]);
    assert.equal(answer.embeddings[1].values[3], 2 / 1024);
  });
  test(`one embedding of ${name}`, async () => {
    const answer = await fetch(`${process.env.GATEWAY}/v1beta/models/embed-${
      name}:embedContent`, { method: 'POST', headers: {
      'content-type': 'application/json', 'x-goog-api-key': 'k' },
    body: '{"content":{"parts":[{"text":"abc"}]}}' });
    assert.equal(answer.status, 200);
    assert.deepEqual((await answer.json()).embedding.values,
      [0.5, -0.25, 0.125, 3 / 1024]);
  });
}

test('models', async () => {
  const names = [];
  for await (const model of await client.models.list()) names.push(model.name);
  assert.ok(names.includes('models/to-anthropic'));
  const one = await client.models.get({ model: 'to-anthropic' });
  assert.equal(one.name, 'models/to-anthropic');
});

test('a model that nobody knows', async () => {
  await assert.rejects(client.models.generateContent({ model: 'nothing',
    contents: 'x' }), (error) => error.status === 404
      && said(error).status === 'NOT_FOUND');
});

test('an answer as an array, when no events are asked for', async () => {
  for (const { model } of providers('gemini')) {
    const answer = await fetch(`${process.env.GATEWAY}/v1beta/models/${model
    }:streamGenerateContent`, { method: 'POST', headers: {
      'content-type': 'application/json', 'x-goog-api-key': 'k' },
    body: JSON.stringify({ contents: [{ parts: [{
      text: userText('text', fresh()) }] }] }) });
    const chunks = await answer.json();
    assert.ok(Array.isArray(chunks));
    assert.equal(chunks.map((c) => c.candidates?.[0].content?.parts?.[0].text
      ?? '').join(''), HELLO);
  }
});

const cannot = [['openai', { topK: 5 }, /topK/], ['anthropic',
  { candidateCount: 2 }, /candidateCount/], ['openai', { cachedContent: 'cachedContents/1' }, /cachedContent/]];
for (const [name, config, what] of cannot) {
  test(`${name} cannot be told ${Object.keys(config)[0]}`, async () => {
    const tag = fresh();
    await assert.rejects(client.models.generateContent({
      model: `to-${name}`, contents: userText('text', tag), config }),
    (error) => {
      assert.equal(error.status, 400);
      assert.equal(said(error).status, 'INVALID_ARGUMENT');
      assert.match(error.message, what);
      return true;
    });
    assert.deepEqual(await received(tag), []);
  });
}

test('what cannot be told and does no harm is named', async () => {
  const answer = await client.models.generateContent({ model: 'to-openai',
    contents: userText('text', fresh()), config: { safetySettings: [{
      category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }] } });
  assert.equal(answer.text, HELLO);
  assert.match(answer.sdkHttpResponse.headers['x-llm-dropped'] ?? '',
    /safetySettings/);
});
