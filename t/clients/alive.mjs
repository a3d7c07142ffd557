// An SDK, ADAPTER, whose stream gets signs of life before it begins and while
// it pauses, and then its answer or an error.
import assert from 'node:assert/strict';
import { named as test } from './matrix.mjs';

const { default: adapter } = await import(
  `./adapters/${process.env.ADAPTER}.mjs`);
const model = (name) => `${adapter.like ?? ''}${name}`;
const ask = (name, stream) => adapter.say(
  adapter.open(model(name), { user: 'One two three.' }), stream);

// LangChain gives the parts of a whole answer.
const textOf = ({ text }) => (Array.isArray(text)
  ? text.map((part) => part.text).join('') : text);

test(`${adapter.name}: the answer after signs of life`, async () => {
  const at_once = await ask('prompt', false);
  assert.match(textOf(at_once), /One two three\./);
  const late = await ask('late', true);
  assert.equal(textOf(late), textOf(at_once));
  assert.equal(late.finish, 'stop');
  assert.ok(late.chunks > 1, `${late.chunks} pieces`);
});

test(`${adapter.name}: an error after signs of life`, async () => {
  await assert.rejects(ask('fails', true), (error) => {
    assert.match(`${error.message} ${JSON.stringify(error.cause ?? '')}`,
      /failed|error/i);
    return true;
  });
});
