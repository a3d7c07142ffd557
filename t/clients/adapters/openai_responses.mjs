// The official OpenAI SDK and its Responses API, without state at OpenAI's.
import { client, fault } from './openai_chat.mjs';

const usageOf = (u) => u && {
  input: u.input_tokens, output: u.output_tokens,
  cached: u.input_tokens_details.cached_tokens,
  written: u.input_tokens_details.cache_write_tokens ?? 0,
  reasoning: u.output_tokens_details.reasoning_tokens,
};

function open(model, ask) {
  const content = ask.image ? [{ type: 'input_text', text: ask.user },
    { type: 'input_image', detail: 'auto',
      image_url: `data:image/png;base64,${ask.image}` }] : ask.user;
  const words = ['none', 'auto', 'required'];
  return { model, input: [{ role: 'user', content }], store: false,
    ...(ask.system && { instructions: ask.system }),
    ...(ask.max && { max_output_tokens: ask.max }),
    ...(ask.temperature && { temperature: ask.temperature }),
    ...(ask.topP && { top_p: ask.topP }),
    ...(ask.effort && { reasoning: { effort: ask.effort, summary: 'auto' },
      include: ['reasoning.encrypted_content'] }),
    ...(ask.schema && { text: { format: { type: 'json_schema', name: 'place',
      strict: true, schema: ask.schema } } }),
    ...(ask.tools && { tools: ask.tools.map((t) => ({ type: 'function',
      name: t.name, description: t.description, parameters: t.schema,
      strict: false })) }),
    ...(ask.choice && { tool_choice: words.includes(ask.choice) ? ask.choice
      : { type: 'function', name: ask.choice } }) };
}

async function streamed(talk, seen) {
  const stream = client.responses.stream(talk);
  let chunks = 0;
  let next = 0;
  for await (const event of stream) {
    chunks++;
    if (event.sequence_number !== next++) {
      throw new Error(`sequence_number ${event.sequence_number}`);
    }
    if (event.type === 'error') throw new Error(event.message);
    if (event.type === 'response.failed') {
      throw new Error(event.response.error.message);
    }
    if (event.type !== 'response.output_text.delta' || !seen) continue;
    seen.first ||= Date.now();
    seen.text += event.delta;
  }
  return { answer: await stream.finalResponse(), chunks };
}

const finishOf = (answer, calls) => ({
  completed: calls.length ? 'tools' : 'stop',
  incomplete: { max_output_tokens: 'length', content_filter: 'filter' }[
    answer.incomplete_details?.reason] })[answer.status];

async function say(talk, stream, seen) {
  const { answer, chunks } = stream ? await streamed(talk, seen)
    : { answer: await client.responses.create(talk), chunks: 1 };
  const of = (type) => answer.output.filter((item) => item.type === type);
  const parts = of('message').flatMap((m) => m.content);
  const calls = of('function_call').map((c) => ({ id: c.call_id,
    name: c.name, args: JSON.parse(c.arguments) }));
  // What came is what goes in, but for what the stream helper adds.
  talk.input.push(...answer.output.map((item) => {
    const { parsed_arguments, ...plain } = item;
    return item.content ? { ...plain, content: item.content.map(
      ({ parsed, ...part }) => part) } : plain;
  }));
  const text = parts.map((p) => p.text ?? '').join('');
  if (answer.output_text !== text) throw new Error('output_text differs');
  return { chunks, text, calls, finish: finishOf(answer, calls),
    refusal: parts.map((p) => p.refusal ?? '').join(''),
    usage: usageOf(answer.usage),
    thoughts: of('reasoning').flatMap((r) => r.summary)
      .map((s) => s.text).join('') };
}

function results(talk, calls, texts) {
  calls.forEach((call, n) => talk.input.push({ type: 'function_call_output',
    call_id: call.id, output: texts[n] }));
}

export default { name: 'openai responses', face: 'responses', headers: true,
  thoughts: true, usage: (u) => u, open, say, results, fault,
  also: (talk, content) => talk.input.push({ role: 'user', content }) };
