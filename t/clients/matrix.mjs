// The same questions of every client to every provider, and what must come
// of them at both ends. An adapter (adapters/*.mjs) is one SDK, used as its
// own manual says:
//
//   name, face         how it is called; openai, responses, anthropic, gemini
//   open(model, ask)   a conversation with a first question
//   say(talk, stream)  asks; {text, calls, finish, usage, thoughts, refusal,
//                      chunks}, and the answer stands in the conversation
//   results(talk, calls, texts)    what the tools said
//   fault(error)       {status, code, param, after, text, kind}
//
// GATEWAY or FAKE is where it asks; FAKE also tells what arrived there.
import assert from 'node:assert/strict';
import test from 'node:test';
import { HELLO, scenarios, unwrapped } from './fake/scenarios.mjs';

const { GATEWAY, FAKE } = process.env;
export const CLIENT_KEY = GATEWAY ? 'sk-of-the-client' : process.env.KEY;
export const at = {
  openai: GATEWAY ? `${GATEWAY}/v1` : `${FAKE}/v1`,
  anthropic: GATEWAY ?? `${FAKE}/claude`,
  gemini: GATEWAY ?? `${FAKE}/google`,
};

// Who can be asked: the model as clients call it, and what its API is.
const all = {
  openai: { model: 'to-openai', real: 'gpt-5.4-mini', api: 'openai' },
  responses: { model: 'to-responses', real: 'gpt-5.4-mini', api: 'openai' },
  anthropic: { model: 'to-anthropic', real: 'claude-sonnet-4-5',
    api: 'anthropic' },
  gemini: { model: 'to-gemini', real: 'gemini-3.5-flash', api: 'gemini' },
};
const own = { openai: 'openai', responses: 'openai' };
// Some SDKs do as a model's name tells them: `like` is how it begins there.
export const providers = (face, like = '') => Object.entries(all)
  .filter(([, p]) => GATEWAY || p.api === (own[face] ?? face))
  .map(([name, p]) => ({ name, ...p,
    model: GATEWAY ? like + p.model : p.real }));

export async function journal(tag, keep = '') {
  const answer = await fetch(`${FAKE}/__journal?tag=${tag}${keep}`);
  return answer.json();
}

// The rest of a stream that is held back until its beginning was seen.
async function go(tag) {
  const answer = await fetch(`${FAKE}/__go?tag=${tag}`);
  return answer.json();
}

// What a client has of a stream that waits until it has something.
function listening(tag) {
  let going;
  return { text: '', get first() { return going; },
    set first(at) { going = go(tag); } };
}

let last = 0;
export const fresh = () => `${process.pid}x${++last}`;

export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42m'
  + 'NkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
export const tools = [
  { name: 'get_weather', description: 'The weather of a city',
    schema: { type: 'object', properties: { city: { type: 'string',
      description: 'its name' }, days: { type: 'integer' } },
    required: ['city'] } },
  { name: 'get_time', description: 'What time it is',
    schema: { type: 'object', properties: { zone: { type: 'string' } } } },
];
export const schema = { type: 'object', properties: {
  city: { type: 'string' }, days: { type: 'integer' } },
required: ['city', 'days'], additionalProperties: false };

// --- one question ----------------------------------------------------------

// The entries of a tag, none with a problem, all with the provider's own key.
export async function received(tag, problems = 0) {
  const entries = await journal(tag);
  const wrong = entries.filter((e) => e.problem);
  assert.equal(wrong.length, problems, wrong.map((e) =>
    `the provider refuses it: ${e.problem}\n${e.path} ${e.text}`).join('\n'));
  for (const entry of entries) {
    if (GATEWAY) {
      assert.doesNotMatch(JSON.stringify(entry.headers), /sk-of-the-client/,
        'the client\'s key stays here');
    }
  }
  return entries;
}

const textOf = (plan, kind = 'text') => plan.parts
  .filter((p) => p[kind]).flatMap((p) => p[kind]).join('');
const callsOf = (plan) => plan.parts.filter((p) => p.call)
  .map(({ call: { name, args } }) => ({ name, args }));
const bare = (calls) => calls.map(({ name, args }) => ({ name, args }));

export const userText = (scenario, tag) =>
  `Do scenario:${scenario} #${tag} please.`;

async function ask(adapter, provider, scenario, more = {}, stream = false) {
  const tag = fresh();
  const talk = adapter.open(provider.model,
    { user: userText(scenario, tag), ...more });
  const answer = await adapter.say(talk, stream);
  return { tag, talk, answer };
}

// Only what both ends can say is expected.
function usageFor(adapter, provider, usage) {
  const { input, cached, output, reasoning } = usage;
  const written = provider.name === 'gemini' || adapter.face === 'gemini'
    ? 0 : usage.written;
  return adapter.usage(
    { input, cached, written, output, reasoning });
}

export function sameUsage(adapter, provider, answer, usage) {
  assert.deepEqual(answer.usage, usageFor(adapter, provider, usage));
}

// Tools loop: ask, see the calls, send their results, until no more calls.
async function loop(adapter, provider, scenario, stream, more) {
  const tag = fresh();
  const talk = adapter.open(provider.model,
    { user: userText(scenario, tag), tools, ...more });
  const results = [];
  const sent = [];
  for (let step = 0; step < 5; step++) {
    const plan = scenarios[scenario]({ results });
    const answer = await adapter.say(talk, stream);
    const refused = () => `step ${step}`;
    assert.equal(answer.text, textOf(plan), refused());
    assert.deepEqual(bare(answer.calls), callsOf(plan), refused());
    assert.equal(answer.finish, plan.finish, refused());
    sameUsage(adapter, provider, answer, plan.usage);
    if (!answer.calls.length) break;
    const ids = answer.calls.map((call) => call.id).filter(Boolean);
    assert.equal(new Set(ids).size, ids.length, 'ids are unlike');
    const texts = answer.calls.map((_, n) => `21° "${results.length + n}"\nok`);
    texts.forEach((text, n) =>
      results.push({ name: answer.calls[n].name, text }));
    sent.push({ answer, texts });
    adapter.results(talk, answer.calls, texts);
  }
  return { sent, entries: await received(tag) };
}

// What the provider got of the steps before: its own ids, every call, every
// result, and both in order.
function remembered(provider, { sent, entries }, scenario) {
  assert.equal(entries.length, sent.length + 1);
  const { turns } = entries.at(-1).neutral;
  const calls = turns.flatMap((t) => t.parts.filter((p) => p.call))
    .map((p) => p.call);
  const results = turns.flatMap((t) => t.parts.filter((p) => p.result))
    .map((p) => p.result);
  assert.deepEqual(bare(calls), sent.flatMap((s) => bare(s.answer.calls)));
  assert.deepEqual(results.map((r) => unwrapped(r.text)), sent.flatMap((s) => s.texts));
  assert.deepEqual(results.map((r) => r.name), calls.map((c) => c.name));
  if (provider.api === 'gemini' && scenario !== 'named') return;
  const ids = entries.flatMap((e) => e.ids);
  assert.deepEqual(calls.map((c) => c.id), ids, 'the provider\'s own ids');
  assert.deepEqual(results.map((r) => r.id), ids, 'and in the results');
}

// --- the matrix ------------------------------------------------------------

const loops = { tools: {}, bare: {}, parallel: {}, interleaved: {}, named: {},
  steps: {}, noargs: {}, thinktools: { effort: 'high', max: 9000 },
  redacted: { effort: 'high', max: 9000 } };

function answers(adapter, provider, stream, check) {
  check('text', async () => {
    const { tag, answer } = await ask(adapter, provider, 'text', {}, stream);
    assert.equal(answer.text, HELLO);
    assert.equal(answer.finish, 'stop');
    sameUsage(adapter, provider, answer, { input: 25, output: 12, cached: 0,
      written: 0, reasoning: 0 });
    if (stream) assert.ok(answer.chunks > 3, 'it comes in pieces');
    const [{ neutral }] = await received(tag);
    assert.equal(neutral.model, provider.real);
    assert.equal(neutral.stream, stream);
    assert.deepEqual(neutral.turns, [{ role: 'user',
      parts: [{ text: userText('text', tag) }] }]);
    assert.deepEqual(neutral.tools, []);
  });
  check('usage', async () => {
    const { answer } = await ask(adapter, provider, 'usage', {}, stream);
    assert.equal(answer.text, 'Counted.');
    sameUsage(adapter, provider, answer, scenarios.usage().usage);
  });
  check('length', async () => {
    const { answer } = await ask(adapter, provider, 'length', {}, stream);
    assert.equal(answer.text, 'Cut off in the');
    assert.equal(answer.finish, 'length');
  });
  check('refusal', async () => {
    const { answer } = await ask(adapter, provider, 'refusal', {}, stream);
    if (adapter.refusals === false && answer.finish === 'stop') return;
    assert.match(answer.text + (answer.refusal ?? ''), /I will not\./);
    assert.ok(answer.refusal || answer.finish === 'filter',
      `${answer.finish} does not tell of a refusal`);
  });
  check('a prompt that is blocked', async () => {
    try {
      const { answer } = await ask(adapter, provider, 'blocked', {}, stream);
      assert.equal(answer.text, '');
      assert.equal(answer.finish, 'filter');
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.equal(adapter.fault(error).status, 400, `${error.stack}`);
    }
  });
  check('an empty answer', async () => {
    const { answer } = await ask(adapter, provider, 'silence', {}, stream);
    assert.equal(answer.text, '');
    assert.equal(answer.finish, 'stop');
  });
  check('no usage', async () => {
    if (adapter.face === 'anthropic' && provider.api === 'anthropic') return;
    const { answer } = await ask(adapter, provider, 'no-usage', {}, stream);
    assert.equal(answer.text, 'Not counted.');
    assert.equal(answer.finish, 'stop');
    if (adapter.face === 'anthropic') {
      assert.ok(answer.usage.input >= 0 && answer.usage.output >= 0);
    }
  });
  check('reasoning', async () => {
    const { answer } = await ask(adapter, provider, 'reasoning',
      { effort: 'high', max: 9000 }, stream);
    assert.equal(answer.text, 'Forty-two.');
    sameUsage(adapter, provider, answer, scenarios.reasoning().usage);
    if (adapter.thoughts && provider.name !== 'openai'
      && (provider.name !== 'responses' || adapter.face === 'responses')) {
      assert.equal(answer.thoughts, 'Let me think.');
    }
  });
}

function conversations(adapter, provider, stream, check) {
  for (const [scenario, more] of Object.entries(loops)) {
    check(`tools: ${scenario}`, async () => {
      const done = await loop(adapter, provider, scenario, stream, more);
      remembered(provider, done, scenario);
      assert.deepEqual(done.entries[0].neutral.tools.map((t) =>
        [t.name, t.description, Object.keys(t.schema.properties)]),
      tools.map((t) => [t.name, t.description,
        Object.keys(t.schema.properties)]));
      if (more.effort && provider.api === 'anthropic') {
        const [thought] = done.entries[1].neutral.turns[1].parts;
        assert.ok(thought.signature || thought.redacted, 'comes back');
      }
    });
  }
  check('json', async () => {
    const { tag, answer } = await ask(adapter, provider, 'json', { schema },
      stream);
    assert.deepEqual(JSON.parse(answer.text), { city: 'Paris', days: 3 });
    const [{ neutral }] = await received(tag);
    const { additionalProperties, ...rest } = neutral.schema;
    assert.deepEqual(rest, { type: 'object', required: schema.required,
      properties: schema.properties });
    if (provider.api !== 'gemini') assert.equal(additionalProperties, false);
  });
}

function faults(adapter, provider, stream, check) {
  const failing = (scenario, look, more = {}) => async () => {
    let error;
    try {
      await ask(adapter, provider, scenario, more, stream);
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(error, 'it fails');
    const fault = adapter.fault(error);
    assert.ok(fault, `the SDK's own error, not ${error?.stack}`);
    assert.doesNotMatch(fault.text, /sk-/);
    look(fault);
  };
  check('429', failing('429', (fault) => {
    assert.equal(fault.status, 429);
    assert.equal(fault.kind, 'rate');
    if (adapter.headers) assert.equal(fault.after, '7');
  }));
  check('500', failing('500', (fault) => {
    assert.ok(fault.status >= 500, `${fault.status}`);
    assert.equal(fault.kind, 'server');
  }));
  check('overloaded', failing('503', (fault) => {
    assert.ok([503, 529].includes(fault.status), `${fault.status}`);
    assert.equal(fault.kind, 'server');
  }));
  if (GATEWAY) {
    check('a key that is refused', failing('401', (fault) => {
      assert.equal(fault.status, 502);
      assert.equal(fault.kind, 'server');
    }));
  }
  check('too long a prompt', failing('context', (fault) => {
    assert.ok([400, 413].includes(fault.status), `${fault.status}`);
    if (adapter.face === 'openai') {
      assert.equal(fault.code, 'context_length_exceeded');
    }
  }));
  check('a model that the provider does not know', failing('404', (fault) => {
    assert.equal(fault.status, 404);
  }));
}

function broken(adapter, provider, check) {
  for (const scenario of ['cut', 'midway']) {
    // Where nothing marks an end, only the connection can tell.
    check(`a stream that breaks: ${scenario}`, async () => {
      const tag = fresh();
      const talk = adapter.open(provider.model,
        { user: userText(scenario, tag) });
      let error;
      const seen = listening(tag);
      try {
        await adapter.say(talk, true, seen);
      } catch (thrown) {
        error = thrown;
      }
      assert.ok(error, 'the client is told');
      assert.match(seen.text, /^One /);
      await seen.first;
    });
  }
  // An event of Responses' is both the end and the reason of it: without it
  // the answer is not whole.
  check('a stream without its end', async () => {
    if (!GATEWAY) return;
    const asking = ask(adapter, provider, 'no-end', {}, true);
    if (provider.name === 'responses' && adapter.face === 'responses') {
      await assert.rejects(asking);
      return;
    }
    const { answer } = await asking;
    assert.equal(answer.text, 'One two.');
  });
  check('a slow stream comes as it is made', async () => {
    const tag = fresh();
    const seen = listening(tag);
    const talk = adapter.open(provider.model, { user: userText('slow', tag) });
    const answer = await adapter.say(talk, true, seen);
    assert.equal(answer.text, 'Slow but sure.');
    assert.deepEqual(await seen.first, { waits: 1 });
  });
}

function questions(adapter, provider, check) {
  check('system', async () => {
    const long = 'Be kind. '.repeat(6000) + 'Ünïcode end';
    const { tag } = await ask(adapter, provider, 'text', { system: long });
    const [{ neutral }] = await received(tag);
    assert.equal(neutral.system.join('\n'), long);
  });
  check('an image', async () => {
    const { tag, answer } = await ask(adapter, provider, 'text',
      { image: PNG });
    assert.equal(answer.text, HELLO);
    const [{ neutral }] = await received(tag);
    assert.deepEqual(neutral.turns[0].parts.find((p) => p.image).image,
      { mime: 'image/png', data: PNG });
  });
  for (const [choice, scenario] of Object.entries({ required: 'tools',
    get_time: 'noargs', none: 'text', auto: 'tools' })) {
    check(`tool choice: ${choice}`, async () => {
      const { tag } = await ask(adapter, provider, scenario,
        { tools, choice });
      const [{ neutral }] = await received(tag);
      assert.equal(neutral.choice ?? 'auto', choice);
    });
  }
  check('a conversation of several turns', async () => {
    const { tag, talk } = await ask(adapter, provider, 'text');
    adapter.also(talk, `And scenario:usage #${tag} again?`);
    const answer = await adapter.say(talk, false);
    assert.equal(answer.text, 'Counted.');
    const [, { neutral }] = await received(tag);
    assert.deepEqual(neutral.turns.map((t) => [t.role, t.parts.map((p) =>
      p.text).join('')]), [['user', userText('text', tag)],
      ['assistant', HELLO], ['user', `And scenario:usage #${tag} again?`]]);
  });
  const set = { max: 3000, ...(adapter.sampling !== false
    && { temperature: 0.5, topP: 0.75 }) };
  check('parameters', async () => {
    const { tag } = await ask(adapter, provider, 'text', set);
    const [{ neutral }] = await received(tag);
    const { max, temperature, topP } = neutral;
    assert.deepEqual(adapter.sampling === false ? { max }
      : { max, temperature, topP }, set);
  });
  check('where to stop', async () => {
    if (adapter.face === 'responses') return;
    const stop = ['END', '###'];
    const asked = ask(adapter, provider, 'text', { stop });
    if (provider.name !== 'responses' || adapter.face === 'openai') {
      const { tag } = await asked;
      const [{ neutral }] = await received(tag);
      assert.deepEqual(neutral.stop, stop);
    }
    await asked.catch((error) => {
      assert.equal(adapter.fault(error).status, 400);
    });
  });
}

const only = process.env.ONLY && new RegExp(process.env.ONLY);
export const named = (name, run) => {
  if (!only || only.test(name)) test(name, run);
};

export function matrix(adapter) {
  for (const provider of providers(adapter.face, adapter.like)) {
    const to = `${adapter.name} to ${provider.name}`;
    for (const stream of [false, true]) {
      const check = (what, run) =>
        named(`${to}: ${what}${stream ? ', streamed' : ''}`, run);
      answers(adapter, provider, stream, check);
      conversations(adapter, provider, stream, check);
      faults(adapter, provider, stream, check);
    }
    const check = (what, run) => named(`${to}: ${what}`, run);
    broken(adapter, provider, check);
    questions(adapter, provider, check);
  }
}
