// How the AI SDK's manual begins.
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, streamText } from 'ai';

const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });

const { text } = await generateText({
  model: openai('gpt-5.4'),
  prompt: 'Where does the sun go at night?',
});
console.log(text);

const { textStream } = streamText({
  model: openai('gpt-5.4'),
  prompt: 'Count to ten.',
});
for await (const piece of textStream) {
  process.stdout.write(piece);
}
