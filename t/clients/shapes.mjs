// What people write that no SDK's type forbids: every odd but right spelling
// of a request, as bytes, to the providers of the other dialects, who are
// strict about what they get. `see` looks at what arrived there.
import assert from 'node:assert/strict';
import { HELLO } from './fake/scenarios.mjs';
import { PNG, fresh, journal, named as test } from './matrix.mjs';

const { GATEWAY } = process.env;
const words = (neutral) => neutral.turns.map((t) => `${t.role[0]}:${t.parts
  .map((p) => p.text ?? (p.call ? `call ${p.call.name}` : p.result
    ? `result ${p.result.text}` : p.image ? 'image' : '?')).join('|')}`);
const system = (n) => n.system.join('\n');
const part = (n, kind) => n.turns.flatMap((t) => t.parts)
  .map((p) => p[kind]).find((p) => p !== undefined);

const GO = { role: 'user', content: 'scenario:text #T go' };
const f = { type: 'function', function: { name: 'f' } };
const call = (id, args = '{}') => ({ id, type: 'function',
  function: { name: 'f', arguments: args } });
const ref = { $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object', additionalProperties: false, $defs: { k: {
    type: 'string', pattern: '^a+$' } }, properties: { k: {
    $ref: '#/$defs/k' }, l: { type: ['string', 'null'] }, m: { anyOf: [
    { type: 'string' }, { type: 'integer', exclusiveMinimum: 0 }] },
  n: { const: 'x' } }, required: ['k'] };

// --- OpenAI's chat completions ---------------------------------------------

const chat = {
  'parts of text': [{ messages: [{ role: 'user', content: [
    { type: 'text', text: 'a ' }, { type: 'text', text: 'b' }] }, GO] },
  (n) => assert.match(words(n).join(), /a \|?b/)],
  'instructions anywhere': [{ messages: [{ role: 'system', content: 'S1' },
    { role: 'developer', content: [{ type: 'text', text: 'D2' }] },
    { role: 'user', content: 'x' }, { role: 'assistant', content: 'y' },
    { role: 'system', content: 'S3' }, GO] },
  (n) => assert.match(JSON.stringify([n.system, n.turns]),
    /S1.*D2.*S3|S1.*D2.*x.*y.*S3/)],
  'instructions alone before': [{ messages: [{ role: 'system', content: '' },
    { role: 'system', content: 'S' }, GO] },
  (n) => assert.equal(system(n).trim(), 'S')],
  'two users in a row': [{ messages: [{ role: 'user', content: 'one' },
    { role: 'user', content: 'two', name: 'ann' }, GO] },
  (n) => assert.match(words(n).join(), /one.*two.*scenario/)],
  'the assistant first': [{ messages: [{ role: 'assistant',
    content: 'Welcome.' }, GO] },
  (n) => assert.match(words(n).join(), /Welcome\./), 'theirs'],
  'an empty text among others': [{ messages: [{ role: 'user', content: '' },
    { role: 'assistant', content: '' }, { role: 'user', content: [
      { type: 'text', text: '' }, { type: 'text', text: 'x' }] }, GO] },
  (n) => assert.match(words(n).join(), /x/)],
  'a refusal in the past': [{ messages: [{ role: 'user', content: 'x' },
    { role: 'assistant', content: null, refusal: 'I will not.' }, GO] },
  (n) => assert.match(words(n).join(), /I will not\./)],
  'stop as a string': [{ messages: [GO], stop: 'END' },
    (n) => assert.deepEqual(n.stop, ['END'])],
  'max_tokens of old': [{ messages: [GO], max_tokens: 77 },
    (n) => assert.equal(n.max, 77)],
  'a tool without parameters': [{ messages: [GO], tools: [f] },
    (n) => assert.equal(n.tools[0].name, 'f')],
  'a schema of every kind': [{ messages: [GO], tools: [{ type: 'function',
    function: { name: 'f', strict: true, parameters: ref } }] },
  (n) => assert.deepEqual(n.tools[0].schema.required, ['k'])],
  'functions of old': [{ messages: [GO], functions: [{ name: 'f',
    parameters: { type: 'object', properties: {} } }],
  function_call: { name: 'f' } }, (n, status) => status === 400
    || assert.equal(n.choice, 'f')],
  'calls and results with words between': [{ tools: [f], messages: [
    { role: 'user', content: 'x' }, { role: 'assistant', content: 'Hm.',
      tool_calls: [call('c1'), call('c2', '')] }, { role: 'tool',
      tool_call_id: 'c2', content: [{ type: 'text', text: 'r2' }] },
    { role: 'tool', tool_call_id: 'c1', content: '' }, GO] },
  (n) => { assert.match(words(n).join(), /Hm\.\|call f\|call f/);
    assert.match(words(n).join(), /r2/); }],
  'ids that providers do not take': [{ tools: [f], messages: [
    { role: 'user', content: 'x' }, { role: 'assistant', tool_calls: [
      call('a b/ü:1')] }, { role: 'tool', tool_call_id: 'a b/ü:1',
      content: 'r' }, GO] },
  (n) => assert.match(words(n).join(), /result r/)],
  'the same id twice': [{ tools: [f], messages: [
    { role: 'user', content: 'x' }, { role: 'assistant', tool_calls: [
      call('c')] }, { role: 'tool', tool_call_id: 'c', content: 'r1' },
    { role: 'assistant', tool_calls: [call('c')] }, { role: 'tool',
      tool_call_id: 'c', content: 'r2' }, GO] },
  (n) => assert.match(words(n).join(), /r1.*r2/), 'theirs'],
  'a call without its result': [{ tools: [f], messages: [
    { role: 'user', content: 'x' }, { role: 'assistant',
      tool_calls: [call('c')] }, GO] }, () => {}, 'theirs'],
  'a result without its call': [{ tools: [f], messages: [
    { role: 'user', content: 'x' }, { role: 'tool', tool_call_id: 'c',
      content: 'r' }, GO] }, () => {}, 'theirs'],
  'arguments that are a list': [{ tools: [f], messages: [
    { role: 'user', content: 'x' }, { role: 'assistant',
      tool_calls: [call('c', '[1]')] }, { role: 'tool', tool_call_id: 'c',
      content: 'r' }, GO] },
  (n, status) => assert.equal(status, 400)],
  'history of tools without tools': [{ messages: [
    { role: 'user', content: 'x' }, { role: 'assistant', tool_calls: [
      call('c', '{"a":1}')] }, { role: 'tool', tool_call_id: 'c',
      content: 'r' }, GO] }, (n) => assert.match(words(n).join(), /r/)],
  'one call at a time': [{ messages: [GO], tools: [f],
    parallel_tool_calls: false }, (n, status) => status === 400
    || assert.equal(n.parallel, false)],
  'no effort': [{ messages: [GO], reasoning_effort: 'none' },
    (n) => assert.notEqual(n.thinking, 'enabled')],
  'JSON of any kind': [{ messages: [GO, { role: 'user', content: 'as json' }],
    response_format: { type: 'json_object' } }, (n, status) =>
    status === 400 || assert.equal(n.schema, 'any')],
  'a picture of another kind': [{ messages: [{ role: 'user', content: [
    { type: 'text', text: 'scenario:text #T go' }, { type: 'image_url',
      image_url: { url: `data:image/webp;base64,${PNG}`, detail: 'low' } },
  ] }] },
  (n) => assert.equal(part(n, 'image').mime, 'image/webp')],
  'a picture that is none': [{ messages: [{ role: 'user', content: [
    { type: 'image_url', image_url: { url: 'data:text/plain,hi' } },
    { type: 'text', text: 'scenario:text #T go' }] }] },
  (n, status) => assert.equal(status, 400)],
  'names with dots and dashes': [{ messages: [GO], tools: [{
    type: 'function', function: { name: 'a-b_c', parameters: {} } }],
  tool_choice: { type: 'function', function: { name: 'a-b_c' } } },
  (n) => assert.equal(n.choice, 'a-b_c')],
  'a choice without tools': [{ messages: [GO], tool_choice: 'none',
    tools: [] }, () => {}],
  'numbers as people write them': [{ messages: [GO], temperature: 1e0,
    max_completion_tokens: 5e1, top_p: 1 },
  (n) => assert.equal(n.max, 50)],
};

// --- Anthropic's messages --------------------------------------------------

const use = (id, input = {}) => ({ type: 'tool_use', id, name: 'f', input });
const given = (id, more = {}) =>
  ({ type: 'tool_result', tool_use_id: id, ...more });
const tool = { name: 'f', input_schema: { type: 'object' } };
const messages = {
  'system as a string': [{ system: 'S', messages: [GO] },
    (n) => assert.equal(system(n), 'S')],
  'system in blocks': [{ system: [{ type: 'text', text: 'S1' }, {
    type: 'text', text: 'S2', cache_control: { type: 'ephemeral',
      ttl: '1h' } }], messages: [GO] },
  (n) => assert.match(system(n), /S1\n*S2/)],
  'system in the middle': [{ messages: [{ role: 'user', content: 'x' },
    { role: 'assistant', content: 'y' }, { role: 'system', content: 'S' },
    GO] }, (n) => assert.match(JSON.stringify(n), /"S/)],
  'an answer begun': [{ messages: [GO, { role: 'assistant',
    content: 'Well,' }] }, (n, status) => status === 400
    || assert.match(words(n).at(-1), /^[am]\w*:Well,/)],
  'an empty result': [{ tools: [tool], messages: [{ role: 'user',
    content: 'x' }, { role: 'assistant', content: [use('c')] },
  { role: 'user', content: [given('c')] }, GO] },
  (n) => assert.match(words(n).join(), /result/)],
  'a result with a picture': [{ tools: [tool], messages: [{ role: 'user',
    content: 'x' }, { role: 'assistant', content: [use('c')] },
  { role: 'user', content: [given('c', { content: [{ type: 'text',
    text: 'look' }, { type: 'image', source: { type: 'base64',
    media_type: 'image/png', data: PNG } }] })] }, GO] },
  (n, status) => status === 400 || assert.match(words(n).join(), /look/)],
  'results, then words': [{ tools: [tool], messages: [{ role: 'user',
    content: 'x' }, { role: 'assistant', content: [{ type: 'text',
    text: 'Hm.' }, use('c1', { a: { b: [1, 2.50, 'ü'] } }), use('c2')] },
  { role: 'user', content: [given('c2', { content: 'r2' }), given('c1',
    { content: 'r1' }), { type: 'text', text: 'scenario:text #T go' }] }] },
  (n) => { assert.match(words(n).join(), /Hm\.\|call f\|call f/);
    assert.deepEqual(part(n, 'call').args, { a: { b: [1, 2.5, 'ü'] } }); }],
  'thoughts that nobody signed': [{ messages: [{ role: 'user',
    content: 'x' }, { role: 'assistant', content: [{ type: 'thinking',
    thinking: 'T', signature: '' }, { type: 'text', text: 'y' }] }, GO] },
  (n) => assert.match(words(n).join(), /y/)],
  'a picture by its address': [{ messages: [{ role: 'user', content: [
    { type: 'image', source: { type: 'url', url: 'https://e.org/a.png' } },
    { type: 'text', text: 'scenario:text #T go' }] }] },
  (n, status) => status === 400
    || assert.equal(part(n, 'image').url, 'https://e.org/a.png')],
  'a tool of Anthropic itself': [{ messages: [GO], tools: [{
    type: 'web_search_20250305', name: 'web_search' }] },
  (n, status) => assert.equal(status, 400)],
  'a budget of thoughts': [{ messages: [GO], max_tokens: 9000, thinking: {
    type: 'enabled', budget_tokens: 2048 } }, () => {}],
  'stop sequences': [{ messages: [GO], stop_sequences: ['A', 'B'] },
    (n) => assert.deepEqual(n.stop, ['A', 'B'])],
  'a single token': [{ messages: [GO], max_tokens: 1 },
    (n) => assert.equal(n.max, 1)],
  'a block with no text': [{ messages: [{ role: 'user', content: [
    { type: 'text', text: '' }, { type: 'text',
      text: 'scenario:text #T go' }] }] }, () => {}],
  'one call at a time': [{ messages: [GO], tools: [tool], tool_choice: {
    type: 'auto', disable_parallel_tool_use: true } }, (n, status) =>
    status === 400 || assert.equal(n.parallel, false)],
  'a tool without a type': [{ messages: [GO], tools: [{ name: 'f',
    input_schema: { properties: { a: { type: 'string' } } } }] },
  (n, status) => status === 400 || assert.ok(n.tools[0].schema)],
};

// --- Gemini's contents -----------------------------------------------------

const go = { role: 'user', parts: [{ text: 'scenario:text #T go' }] };
const declared = [{ functionDeclarations: [{ name: 'f' }] }];
const generate = {
  'no role': [{ contents: [{ parts: go.parts }] },
    (n) => assert.equal(words(n).length, 1)],
  'contents that are no list': [{ contents: { parts: go.parts } },
    (n, status) => assert.ok(status === 200 || status === 400)],
  'snake case': [{ contents: [go], system_instruction: { parts: [
    { text: 'S' }] }, generation_config: { max_output_tokens: 70,
    stop_sequences: ['E'] } }, (n) => {
    assert.equal(system(n), 'S');
    assert.equal(n.max, 70);
    assert.deepEqual(n.stop, ['E']); }],
  'several parts': [{ contents: [{ role: 'user', parts: [{ text: 'a' },
    { inlineData: { mimeType: 'image/png', data: PNG } }, { text: 'b' }] },
  { role: 'model', parts: [{ text: 'c' }] }, go] },
  (n) => assert.match(words(n).join(), /a\|image\|b.*c/)],
  'a call and its result without ids': [{ tools: declared, contents: [
    { role: 'user', parts: [{ text: 'x' }] }, { role: 'model', parts: [
      { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature:
        'AAAA' }, { functionCall: { name: 'g' } }] },
    { role: 'user', parts: [{ functionResponse: { name: 'f', response: {
      result: { deep: [1] } } } }, { functionResponse: { name: 'g',
      response: {} } }] }, go] },
  (n) => { assert.match(words(n).join(), /call f\|call g|call f.*call g/);
    assert.match(words(n).join(), /deep/); }],
  'results in a turn of the function': [{ tools: declared, contents: [
    { role: 'user', parts: [{ text: 'x' }] }, { role: 'model', parts: [
      { functionCall: { name: 'f', args: {} } }] }, { role: 'function',
      parts: [{ functionResponse: { name: 'f', response: { output: 'r' } } }],
    }, go] }, (n) => assert.match(words(n).join(), /result r/)],
  'thoughts in the past': [{ contents: [{ role: 'user', parts: [
    { text: 'x' }] }, { role: 'model', parts: [{ text: 'T', thought: true },
    { text: 'y', thoughtSignature: 'AAAA' }] }, go] },
  (n) => assert.match(words(n).join(), /y/)],
  'JSON of any kind': [{ contents: [go], generationConfig: {
    responseMimeType: 'application/json' } }, (n, status) => status === 400
    || assert.equal(n.schema, 'any'), 'theirs'],
  'no thinking': [{ contents: [go], generationConfig: { thinkingConfig: {
    thinkingBudget: 0 } } }, () => {}],
  'thinking as the model likes': [{ contents: [go], generationConfig: {
    thinkingConfig: { thinkingBudget: -1, includeThoughts: true } } },
  () => {}],
  'a search': [{ contents: [go], tools: [{ googleSearch: {} }] },
    (n, status) => assert.equal(status, 400)],
  'a call of any of two': [{ contents: [go], tools: [{ functionDeclarations:
    [{ name: 'f', parameters: { type: 'OBJECT', properties: { a: {
      type: 'STRING', enum: ['x'] } } } }, { name: 'g' }] }], toolConfig: {
    functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f',
      'g'] } } }, (n, status) => status === 400
    || assert.equal(n.choice, 'required')],
  'an empty system': [{ contents: [go], systemInstruction: { parts: [
    { text: '' }] } }, () => {}],
};

// --- Responses -------------------------------------------------------------

const item = { role: 'user', content: 'scenario:text #T go' };
const responses = {
  'a string': [{ input: 'scenario:text #T go' },
    (n) => assert.equal(words(n).length, 1)],
  'instructions and items': [{ instructions: 'I', input: [
    { role: 'developer', content: 'D' }, { type: 'message', role: 'user',
      content: [{ type: 'input_text', text: 'x' }] }, { role: 'assistant',
      content: 'y' }, item] },
  (n) => { assert.match(system(n), /I\n*D/);
    assert.match(words(n).join(), /x.*y/); }],
  'calls in a row': [{ tools: [{ type: 'function', name: 'f',
    parameters: null, strict: null }], input: [{ role: 'user',
    content: 'x' }, { type: 'function_call', call_id: 'c1', name: 'f',
    arguments: '{}' }, { type: 'function_call', call_id: 'c2', name: 'f',
    arguments: '{"a":1}' }, { type: 'function_call_output', call_id: 'c1',
    output: 'r1' }, { type: 'function_call_output', call_id: 'c2',
    output: [{ type: 'input_text', text: 'r2' }] }, item] },
  (n) => assert.match(words(n).join(), /call f.*call f.*r1.*r2/)],
  'reasoning of somebody else': [{ input: [{ role: 'user', content: 'x' },
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text',
      text: 'T' }], encrypted_content: 'sealed' }, { type: 'message',
      id: 'msg_1', role: 'assistant', status: 'completed', content: [
        { type: 'output_text', text: 'y', annotations: [] }] }, item] },
  (n) => assert.match(words(n).join(), /y/)],
  'an answer that is kept': [{ input: [item], previous_response_id:
    'resp_1' }, (n, status) => assert.equal(status, 400)],
  'a search': [{ input: [item], tools: [{ type: 'web_search' }] },
    (n, status) => assert.equal(status, 400)],
  'in the background': [{ input: [item], background: true },
    (n, status) => assert.equal(status, 400)],
  'a format as text': [{ input: [item], text: { format: { type: 'text' },
    verbosity: 'low' }, truncation: 'disabled', store: true,
  metadata: {}, include: [], parallel_tool_calls: true }, () => {}],
};

// --- asking ----------------------------------------------------------------

const faces = {
  chat: { cases: chat, others: ['anthropic', 'gemini'],
    path: () => '/v1/chat/completions', body: (model, b) => ({ model, ...b }),
    textOf: (a) => a.choices[0].message.content },
  messages: { cases: messages, others: ['openai', 'gemini'],
    path: () => '/v1/messages',
    body: (model, b) => ({ model, max_tokens: 99, ...b }),
    textOf: (a) => a.content.map((b) => b.text ?? '').join('') },
  generate: { cases: generate, others: ['openai', 'anthropic'],
    path: (model) => `/v1beta/models/${model}:generateContent`,
    body: (_, b) => b,
    textOf: (a) => a.candidates[0].content.parts.map((p) => p.text).join('') },
  responses: { cases: responses, others: ['openai', 'anthropic', 'gemini'],
    path: () => '/v1/responses', body: (model, b) => ({ model, ...b }),
    textOf: (a) => a.output.flatMap((i) => i.content ?? [])
      .map((p) => p.text).join('') },
};

for (const [face, { cases, others, path, body, textOf }]
  of Object.entries(faces)) {
  for (const [what, [more, see, theirs]] of Object.entries(cases)) {
    for (const to of others) {
      test(`${face} to ${to}: ${what}`, async () => {
        const tag = fresh();
        const model = `to-${to}`;
        const answer = await fetch(`${GATEWAY}${path(model)}`, {
          method: 'POST', headers: { 'content-type': 'application/json',
            'anthropic-version': '2023-06-01' },
          body: JSON.stringify(body(model, more)).replaceAll('#T',
            `#${tag}`) });
        const said = await answer.json();
        const entries = await journal(tag);
        const { problem } = entries[0] ?? {};
        if (theirs && problem) {        // it is for the provider to say no
          assert.equal(answer.status, 400);
          return assert.ok(said.error.message.includes(problem));
        }
        assert.equal(problem, undefined, `${entries[0]?.text}`);
        if (answer.status !== 200) {
          assert.equal(answer.status, 400, JSON.stringify(said));
          assert.ok(said.error.message.length > 20);
          assert.deepEqual(entries, [], 'refused before it is asked');
          assert.notEqual(see.length, 1, JSON.stringify(said));
          return see(undefined, 400);
        }
        assert.equal(textOf(said), HELLO);
        return see(entries[0].neutral, 200);
      });
    }
  }
}
