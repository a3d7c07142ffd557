// How the OpenAI SDK's manual begins, with the Responses API.
import OpenAI from 'openai';

const client = new OpenAI();

const response = await client.responses.create({
  model: 'gpt-5.4',
  instructions: 'You are a friendly guide.',
  input: 'Where does the sun go at night?',
});
console.log(response.output_text);

const stream = await client.responses.create({
  model: 'gpt-5.4',
  input: 'Count to ten.',
  stream: true,
});
for await (const event of stream) {
  if (event.type === 'response.output_text.delta') {
    process.stdout.write(event.delta);
  }
}
