// What the fake providers say, before any of them puts it in its own words.
// The last text of a user that holds "scenario:NAME" chooses.
//
// An answer: parts in order, each {text: [pieces]}, {thought: [pieces],
// signature}, {call: {name, args, pieces}} or {refusal: [pieces]}; why it
// ends: stop, length, tools, filter, blocked; its usage, inclusive: input
// holds cached and written, output holds reasoning.

const say = (...pieces) => ({ text: pieces });
const think = (signature, ...pieces) => ({ thought: pieces, signature });

// A call's arguments as text in fragments of odd length.
const call = (name, args) => {
  const text = JSON.stringify(args);
  const pieces = [];
  for (let at = 0, n = 3; at < text.length; at += n, n = n === 3 ? 7 : 3) {
    pieces.push(text.slice(at, at + n));
  }
  return { call: { name, args, text, pieces } };
};

export const SIGNED = 'RXBlY3RlZC10by1jb21lLWJhY2sr/w==';
export const REDACTED = 'UmVkYWN0ZWQrL2RhdGE=';
export const HELLO = 'Hello from the far side: Grüße, 世界 👋 "q" \\ \n.';

const usage = (input, output, more = {}) =>
  ({ input, output, cached: 0, written: 0, reasoning: 0, ...more });

const plain = (...parts) =>
  ({ parts, finish: 'stop', usage: usage(25, 12) });

const calling = (...parts) =>
  ({ parts, finish: 'tools', usage: usage(40, 31) });

// A result that is an object with one text in it is that text: clients and
// gateways of Gemini wrap what a tool says.
export function unwrapped(text) {
  try {
    const { name, ...rest } = JSON.parse(text);
    const [only, ...more] = Object.values(rest);
    return typeof only === 'string' && !more.length ? only : text;
  } catch {
    return text;
  }
}

// Which results the conversation holds since the scenario was named, as
// "name=text" in the order in which they came.
const summary = (results) => plain(say('Results: ',
  results.map((r) => `${r.name}=${unwrapped(r.text)}`).join('; '), '.'));

// Steps of a loop with tools: the answers one after another, and when all
// calls have their results, what they were.
const loop = (...steps) => (request) => {
  let left = request.results.length;
  for (const step of steps) {
    const calls = step.parts.filter((part) => part.call).length;
    if (left < calls) return step;
    left -= calls;
  }
  return summary(request.results);
};

const paris = call('get_weather', { city: 'Paris', days: 3 });
const rome = call('get_weather', { city: 'Rome', "it's \"q\"": [1, null] });
const time = call('get_time', {});

export const scenarios = {
  text: () => plain(say(...HELLO.match(/.{1,9}/gsu))),
  tools: loop(calling(say('Let me ', 'look.'), paris)),
  bare: loop(calling(paris)),
  parallel: loop(calling(paris, rome, time)),
  interleaved: loop({ ...calling(paris, rome), interleaved: true }),
  named: loop({ ...calling(paris, rome), ids: true }),
  steps: loop(calling(paris), calling(time)),
  noargs: loop(calling(time)),
  reasoning: () => ({ ...plain(think(SIGNED, 'Let me ', 'think.'),
    say('Forty', '-two.')),
  usage: usage(25, 62, { reasoning: 50 }) }),
  thinktools: loop({ ...calling(think(SIGNED, 'I should ', 'look.'), paris,
    time), usage: usage(40, 61, { reasoning: 30 }) }),
  redacted: loop(calling({ redacted: REDACTED }, paris)),
  json: () => plain(say('{"city":', '"Paris","days":3}')),
  usage: () => ({ ...plain(say('Counted.')),
    usage: usage(1000, 200, { cached: 400, written: 100, reasoning: 50 }) }),
  length: () => ({ ...plain(say('Cut off in the')), finish: 'length' }),
  sequence: () => ({ ...plain(say('One, two, ')), finish: 'sequence' }),
  refusal: () => ({ ...plain({ refusal: ['I will ', 'not.'] }),
    finish: 'filter' }),
  blocked: () => ({ ...plain(), finish: 'blocked' }),
  silence: () => plain(),
  two: (request) => ({ ...plain(say('One of several.')),
    choices: request.n ?? 1 }),
  'no-usage': () => ({ ...plain(say('Not counted.')), usage: null }),
  cut: () => ({ ...plain(say('One ', 'two ', 'three ')), cut: true,
    held: 'One ' }),
  'no-end': () => ({ ...plain(say('One ', 'two.')), endless: true }),
  midway: () => ({ ...plain(say('One ', 'two ')), held: 'One ',
    midway: { kind: 'overloaded', message: 'Too much at once.' } }),
  slow: () => ({ ...plain(say('Slow ', 'but ', 'sure.')), held: 'Slow ' }),
  hang: () => ({ ...plain(), hang: true }),
  '429': () => ({ fault: { status: 429, kind: 'rate', wait: 7,
    message: 'Slow down.' } }),
  '500': () => ({ fault: { status: 500, kind: 'server',
    message: 'Something broke.' } }),
  '503': () => ({ fault: { status: 503, kind: 'overloaded',
    message: 'Too much at once.' } }),
  '401': () => ({ fault: { status: 401, kind: 'key',
    message: 'No such key.' } }),
  '404': () => ({ fault: { status: 404, kind: 'model',
    message: 'No such model.' } }),
  context: () => ({ fault: { status: 400, kind: 'context',
    message: 'The prompt is too long.' } }),
};

// The neutral form of a request: {system, turns: [{role, parts}], …}. What
// the scenario is, and the results that came since it was named.
export function chosen(request) {
  const { turns } = request;
  for (let t = turns.length - 1; t >= 0; t--) {
    if (turns[t].role !== 'user') continue;
    const text = turns[t].parts.map((part) => part.text ?? '').join('');
    const name = /scenario:([\w-]+)/.exec(text)?.[1];
    if (!name) continue;
    const results = turns.slice(t + 1).flatMap((turn) =>
      turn.parts.filter((part) => part.result).map((part) => part.result));
    return { name, results };
  }
  return { name: 'text', results: [] };
}
