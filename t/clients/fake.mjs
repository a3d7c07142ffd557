// OpenAI, Anthropic and Gemini in one process, without dependencies: their
// true wire formats, as strict about what they get as the real ones, and
// whatever the last user's "scenario:NAME" asks for (fake/scenarios.mjs).
// Prints "listening on PORT". KEY is the key that all of them take.
//
//   /v1/…            OpenAI        /claude/v1/…      Anthropic
//   /chat/v1/…       OpenAI without its Responses API
//   /google/v1beta/… Gemini
//   /__journal?tag=T what was asked with "#T" in it: each entry {dialect,
//                    path, headers, body, neutral, problem, gone}; it is
//                    forgotten then, but with &keep
//   /__go?tag=T      lets the stream go on that waits for this: {waits}; one
//                    that begins later does not wait any more
import { createServer } from 'node:http';
import { setImmediate as turn, setTimeout as sleep }
  from 'node:timers/promises';
import * as anthropic from './fake/anthropic.mjs';
import * as gemini from './fake/gemini.mjs';
import { HUGE, around, bodies, streamed } from './fake/hostile.mjs';
import * as openai from './fake/openai.mjs';
import * as responses from './fake/responses.mjs';
import { chosen, scenarios } from './fake/scenarios.mjs';
import { Bad } from './fake/shape.mjs';

const KEY = process.env.KEY ?? 'sk-fake';
const MODELS = ['gpt-4.1', 'gpt-5.4-mini', 'claude-sonnet-4-5',
  'claude-sonnet-5', 'gemini-3.5-flash', 'embed-small'];
const journal = [];
const waiting = [];
const heard = [];
let count = 0;

// --- the dialects ----------------------------------------------------------

const vertex = /^\/v1beta\/models\/([^/:]+):(\w+)$/;
const textOf = ({ content }) => content.parts.map((p) => p.text).join('');
const counted = { totalTokens: 31, promptTokensDetails: [
  { modality: 'TEXT', tokenCount: 31 }] };

// What to do with a path: check, read into the neutral form, say whole and
// streamed; or `reply` at once.
const dialects = {
  openai: {
    prefix: '', errorOf: openai.errorOf,
    credential: (h) => h.authorization === `Bearer ${KEY}`,
    paths: {
      '/v1/chat/completions': { name: 'chat', check: openai.checkChat,
        read: openai.readChat, whole: openai.wholeChat,
        stream: openai.streamChat },
      '/v1/completions': { name: 'legacy', check: openai.checkLegacy,
        read: openai.readLegacy, whole: openai.wholeLegacy,
        stream: openai.streamLegacy },
      '/v1/responses': { name: 'responses', check: responses.checkResponses,
        read: responses.readResponses, whole: responses.wholeResponses,
        stream: responses.streamResponses },
      '/v1/embeddings': { check: openai.checkEmbeddings,
        reply: (body) => openai.embeddings(body) },
    },
    models: () => openai.models(MODELS),
  },
  anthropic: {
    prefix: '/claude', errorOf: anthropic.errorOf,
    credential: (h) => h['x-api-key'] === KEY
      || h.authorization === `Bearer ${KEY}`,
    paths: {
      '/v1/messages': { name: 'messages', check: anthropic.checkMessages,
        read: anthropic.readMessages, whole: anthropic.wholeMessages,
        stream: anthropic.streamMessages },
      '/v1/messages/count_tokens': { reply: () => ({ input_tokens: 31 }),
        check: (body, h) => anthropic.checkMessages(body, h, true) },
    },
    models: () => anthropic.models(MODELS),
  },
  gemini: {
    prefix: '/google', errorOf: gemini.errorOf,
    credential: (h, url) => h['x-goog-api-key'] === KEY
      || url.searchParams.get('key') === KEY,
    paths: {},
    models: () => gemini.models(MODELS),
    verbs: {
      generateContent: { name: 'generate', check: gemini.checkGenerate,
        read: (body, model) => gemini.readGenerate(body, model, false),
        whole: gemini.wholeGenerate },
      streamGenerateContent: { name: 'generate', check: gemini.checkGenerate,
        read: (body, model) => gemini.readGenerate(body, model, true),
        stream: gemini.streamGenerate },
      countTokens: { check: (body) => gemini.checkGenerate(
        body.generateContentRequest ?? body), reply: () => counted },
      embedContent: { check: gemini.checkEmbed, reply: (body) =>
        ({ embedding: { values: openai.vectorOf(textOf(body),
          body.outputDimensionality) } }) },
      batchEmbedContents: { check: gemini.checkBatch, reply: (body) =>
        ({ embeddings: body.requests.map((one) => ({
          values: openai.vectorOf(textOf(one),
            one.outputDimensionality) })) }) },
    },
  },
};

function routed(path) {
  const name = path.startsWith('/claude/') ? 'anthropic'
    : path.startsWith('/google/') ? 'gemini' : 'openai';
  const dialect = dialects[name];
  const rest = path.replace(/^\/(claude|google|chat)(?=\/)/, '');
  const verb = vertex.exec(rest);
  const without = path.startsWith('/chat/') && rest === '/v1/responses';
  const route = verb ? dialect.verbs?.[verb[2]]
    : without ? undefined : dialect.paths[rest];
  return { name, dialect, rest, route, model: verb?.[1] };
}

// --- answering -------------------------------------------------------------

const send = (response, status, body, headers = {}) => {
  response.writeHead(status, { 'content-type': 'application/json',
    'request-id': `req_fake_${count}`, 'x-request-id': `req_fake_${count}`,
    ...headers });
  response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body
    : JSON.stringify(body));
};

const gone = (response) => response.destroyed || response.writableEnded;

// An answer that never ends well: more than anybody should take.
async function huge(response, dialect, stream) {
  const piece = Buffer.alloc(1 << 16, 'A');
  const [before, after] = stream ? streamed[dialect] : around[dialect];
  response.writeHead(200, { 'content-type': stream ? 'text/event-stream'
    : 'application/json' });
  if (stream) response.write(streamed[dialect][3]);
  response.write(before);
  for (let sent = 0; sent < HUGE && !gone(response); sent += piece.length) {
    if (!response.write(piece)) {
      await new Promise((go) => {
        const on = () => {
          response.off('drain', on).off('close', on);
          go();
        };
        response.on('drain', on).on('close', on);
      });
    }
  }
  response.end(after);
}

function hostile(response, name, dialect, stream) {
  if (name === 'huge') return huge(response, dialect, stream);
  const { body, status = 200, type } = bodies[name];
  const whole = body(dialect);
  if (!stream || type || status !== 200) {
    return send(response, status, whole,
      { 'content-type': type ?? 'application/json' });
  }
  // In a stream the broken answer is one event among good ones.
  const [before, after, end, begin] = streamed[dialect];
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const event = name in { latin1: 1, surrogate: 1, nul: 1, 'raw-nul': 1 }
    ? Buffer.concat([Buffer.from(before), whole.subarray(
      Buffer.byteLength(around[dialect][0]),
      whole.length - Buffer.byteLength(around[dialect][1])),
    Buffer.from(after)])
    : Buffer.concat([Buffer.from('data: '), whole, Buffer.from('\n\n')]);
  return response.end(Buffer.concat([Buffer.from(begin),
    Buffer.from(`${before}Before.${after}`), event,
    Buffer.from(`${before}After.${after}${end}`)]));
}

const isTagged = ({ text }, tag) => text.includes(`#${tag} `);

// Until its client has what was sent.
async function hold(response, entry) {
  if (heard.some((tag) => isTagged(entry, tag))) return;
  const one = { entry };
  await Promise.race([sleep(20000), new Promise((go) => {
    waiting.push(Object.assign(one, { go }));
    response.on('close', go);
  })]);
  if (waiting.includes(one)) waiting.splice(waiting.indexOf(one), 1);
}

// Events go out in pieces that end anywhere, within characters too.
async function flow(response, events, answer, entry) {
  response.writeHead(200, { 'content-type': 'text/event-stream',
    'cache-control': 'no-cache' });
  let rest = events;
  if (answer.held) {
    const begun = 1 + events.findIndex((e) => e.includes(answer.held));
    response.write(events.slice(0, begun).join(''));
    await hold(response, entry);
    rest = events.slice(begun);
  }
  const all = Buffer.from(rest.join(''));
  let size = 1;
  for (let at = 0; at < all.length && !gone(response); at += size) {
    size = (size * 7 + 13) % 509 + 1;
    response.write(all.subarray(at, at + size));
    await turn();
  }
  if (!answer.cut) return response.end();
  await sleep(20);
  return response.socket.destroy();
}

// Ids of the provider's own: one for the answer, one for each call.
function identified(answer, dialect) {
  const id = `f${count}`;
  const prefix = dialect === 'anthropic' ? 'toolu_' : 'call_';
  let n = 0;
  const parts = (answer.parts ?? []).map((part) => (part.call
    ? { ...part, call: { ...part.call, id: `${prefix}${id}_${n++}` } }
    : part));
  return { ...answer, id, parts };
}

async function answered(response, entry, { route, name, body, model }) {
  const { neutral } = entry;
  const { name: scenario, results } = chosen(neutral);
  const stream = neutral.stream;
  if (scenario === 'huge' || bodies[scenario]) {
    return hostile(response, scenario, route.name, stream);
  }
  const made = scenarios[scenario];
  if (!made) throw new Bad('scenario', `No scenario ${scenario}.`);
  const answer = identified(made({ ...neutral, results }), name);
  entry.ids = answer.parts.filter((p) => p.call).map((p) => p.call.id);
  if (answer.hang) return undefined;
  if (answer.fault) throw Object.assign(new Bad(), answer.fault);
  return stream ? flow(response, route.stream(answer, model, body), answer, entry)
    : send(response, 200, route.whole(answer, model, body));
}

async function serve(request, response, text) {
  const url = new URL(request.url, 'http://fake');
  if (url.pathname === '/__journal') {
    const tag = url.searchParams.get('tag');
    const mine = journal.filter((entry) => isTagged(entry, tag));
    if (!url.searchParams.has('keep')) {
      mine.forEach((entry) => journal.splice(journal.indexOf(entry), 1));
    }
    return send(response, 200, mine);
  }
  if (url.pathname === '/__go') {
    const tag = url.searchParams.get('tag');
    const mine = waiting.filter(({ entry }) => isTagged(entry, tag));
    heard.push(tag);
    mine.forEach((one) => {
      waiting.splice(waiting.indexOf(one), 1);
      one.go();
    });
    return send(response, 200, { waits: mine.length });
  }
  count++;
  const { name, dialect, rest, route, model } = routed(url.pathname);
  const entry = { dialect: name, path: url.pathname + url.search, text,
    headers: request.headers };
  try {
    if (!dialect.credential(request.headers, url)) {
      throw Object.assign(new Bad(), { status: 401, kind: 'key',
        message: 'Incorrect API key provided.' });
    }
    if (request.method === 'GET' && /^\/v1(beta)?\/models$/.test(rest)) {
      return send(response, 200, dialect.models());
    }
    journal.push(entry);
    response.on('close', () => { entry.gone = !response.writableFinished; });
    if (!route) {
      throw Object.assign(new Bad(), { status: 404, kind: 'model',
        message: `Nothing at ${url.pathname}.` });
    }
    if (!/^application\/json/.test(request.headers['content-type'])) {
      throw new Bad('content-type', 'application/json is what is read here');
    }
    const body = JSON.parse(text);
    entry.body = body;
    route.check(body, request.headers);
    if (route.reply) return send(response, 200, route.reply(body));
    entry.neutral = route.read(body, model);
    return await answered(response, entry, { route, name, body,
      model: model ?? body.model });
  } catch (error) {
    if (!(error instanceof Bad) && !(error instanceof SyntaxError)) {
      console.error(error);
    }
    const fault = dialect.errorOf({ status: 400, kind: 'request',
      ...error, message: error.message });
    if (!error.kind) entry.problem = error.message;
    return send(response, fault.status, fault.body, fault.headers);
  }
}

const server = createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => serve(request, response,
    Buffer.concat(pieces).toString()).catch((error) => {
    console.error(error);
    response.destroy();
  }));
});
server.keepAliveTimeout = 60000;
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () =>
  console.log(`listening on ${server.address().port}`));
