// How the OpenAI SDK's manual begins, with chat completions.
import OpenAI from 'openai6';

const client = new OpenAI();

const completion = await client.chat.completions.create({
  model: 'gpt-5.4',
  messages: [
    { role: 'developer', content: 'You are a friendly guide.' },
    { role: 'user', content: 'Where does the sun go at night?' },
  ],
});
console.log(completion.choices[0].message.content);

const stream = await client.chat.completions.create({
  model: 'gpt-5.4',
  messages: [{ role: 'user', content: 'Count to ten.' }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content || '');
}
