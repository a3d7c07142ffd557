// How the Anthropic SDK's manual begins.
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic();

const message = await client.messages.create({
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Where does the sun go at night?' }],
  model: 'claude-sonnet-5',
});
console.log(message.content[0].text);

const stream = await client.messages.create({
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'Count to ten.' }],
  model: 'claude-sonnet-5',
  stream: true,
});
for await (const event of stream) {
  if (event.type === 'content_block_delta'
    && event.delta.type === 'text_delta') {
    process.stdout.write(event.delta.text);
  }
}
