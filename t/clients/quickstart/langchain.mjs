// How LangChain's manual on ChatOpenAI begins.
import { ChatOpenAI } from '@langchain/openai';

const model = new ChatOpenAI({
  model: 'gpt-5.4',
  configuration: { baseURL: process.env.OPENAI_BASE_URL },
});

const answer = await model.invoke([
  ['system', 'You are a friendly guide.'],
  ['human', 'Where does the sun go at night?'],
]);
console.log(answer.content);

for await (const chunk of await model.stream('Count to ten.')) {
  process.stdout.write(chunk.content);
}
