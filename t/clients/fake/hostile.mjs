// Answers that no provider should give, in each one's own shape.
import { Buffer } from 'node:buffer';

// Where an answer's text stands, as JSON around it; and a call's arguments.
export const around = {
  chat: ['{"id":"c","object":"chat.completion","created":1,"model":"m",'
    + '"choices":[{"index":0,"finish_reason":"stop","message":{"role":'
    + '"assistant","refusal":null,"content":"', '"}}],"usage":{'
    + '"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}}'],
  responses: ['{"id":"resp_1","object":"response","created_at":1,"status":'
    + '"completed","error":null,"incomplete_details":null,"model":"m",'
    + '"output":[{"type":"message","id":"msg_1","role":"assistant","status":'
    + '"completed","content":[{"type":"output_text","annotations":[],"text":"',
  '"}]}],"usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}'],
  messages: ['{"id":"msg_1","type":"message","role":"assistant","model":"m",'
    + '"stop_reason":"end_turn","stop_sequence":null,"content":[{"type":'
    + '"text","text":"', '"}],"usage":{"input_tokens":5,"output_tokens":6}}'],
  generate: ['{"responseId":"r","modelVersion":"m","candidates":[{"index":0,'
    + '"finishReason":"STOP","content":{"role":"model","parts":[{"text":"',
  '"}]}}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6,'
    + '"totalTokenCount":11}}'],
};

// The same as one event of a stream, and what must come before and after.
export const streamed = {
  chat: ['data: {"id":"c","object":"chat.completion.chunk","created":1,'
    + '"model":"m","choices":[{"index":0,"delta":{"content":"',
  '"},"finish_reason":null}]}\n\n',
  'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
    + '"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    + 'data: [DONE]\n\n', ''],
  responses: ['event: response.output_text.delta\ndata: {"type":'
    + '"response.output_text.delta","item_id":"msg_1","output_index":0,'
    + '"content_index":0,"delta":"', '"}\n\n',
  'event: response.completed\ndata: {"type":"response.completed","response":'
    + around.responses.join('x') + '}\n\n',
  'event: response.created\ndata: {"type":"response.created","response":{"id":'
    + '"resp_1","object":"response","status":"in_progress","output":[]}}\n\n'
    + 'event: response.output_item.added\ndata: {"type":'
    + '"response.output_item.added","output_index":0,"item":{"type":"message",'
    + '"id":"msg_1","role":"assistant","status":"in_progress","content":[]}}'
    + '\n\n'],
  messages: ['event: content_block_delta\ndata: {"type":'
    + '"content_block_delta","index":0,"delta":{"type":"text_delta","text":"',
  '"}}\n\n', 'event: content_block_stop\ndata: {"type":"content_block_stop",'
    + '"index":0}\n\nevent: message_delta\ndata: {"type":"message_delta",'
    + '"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{'
    + '"output_tokens":6}}\n\nevent: message_stop\ndata: {"type":'
    + '"message_stop"}\n\n',
  'event: message_start\ndata: {"type":"message_start","message":{"id":'
    + '"msg_1","type":"message","role":"assistant","model":"m","content":[],'
    + '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,'
    + '"output_tokens":1}}}\n\nevent: content_block_start\ndata: {"type":'
    + '"content_block_start","index":0,"content_block":{"type":"text","text":'
    + '""}}\n\n'],
  generate: ['data: {"candidates":[{"index":0,"content":{"role":"model",'
    + '"parts":[{"text":"', '"}]}}]}\r\n\r\n',
  'data: {"candidates":[{"index":0,"finishReason":"STOP","content":{"role":'
    + '"model","parts":[{"text":"."}]}}]}\r\n\r\n', ''],
};

const HTML = '<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body>'
  + '</html>';
const bytes = (...parts) => Buffer.concat(parts.map((p) =>
  (Buffer.isBuffer(p) ? p : Buffer.from(p))));
const inside = (text) => (dialect) =>
  bytes(around[dialect][0], text, around[dialect][1]);

// A member that nobody knows, first in the answer.
const beside = (member) => (dialect) =>
  bytes('{', member, ',', around[dialect].join('Fine.').slice(1));

const nothing = {
  chat: '{"id":"c","object":"chat.completion","created":1,"model":"m",'
    + '"choices":[]}',
  responses: '{"id":"resp_1","object":"response","status":"completed",'
    + '"output":[]}',
  messages: '{"id":"msg_1","type":"message","role":"assistant","model":"m",'
    + '"content":[],"stop_reason":"end_turn"}',
  generate: '{"candidates":[]}',
};
const swapped = (from, to) => (dialect) =>
  bytes(around[dialect].join('Fine.').replaceAll(from, to));

// name: body by dialect, and where it matters status or content type.
export const bodies = {
  deep: { body: beside(`"x":${'['.repeat(10000)}${']'.repeat(10000)}`) },
  'deep-object': { body: beside(`"x":${'{"a":'.repeat(10000)}1${
    '}'.repeat(10000)}`) },
  latin1: { body: inside(Buffer.from([0x46, 0xfc, 0xff, 0xfe, 0xc0, 0x80,
    0xed, 0xa0, 0x80, 0x72])) },
  surrogate: { body: inside('Lone \\ud83d and \\udc4b.') },
  nul: { body: inside('A\\u0000B') },
  'raw-nul': { body: inside(Buffer.from([0x41, 0, 0x42])) },
  duplicate: { body: beside('"usage":{"prompt_tokens":999999},"choices":1,'
    + '"content":"first","candidates":null,"output":{}') },
  infinite: { body: swapped(/":(5|6|11)\b/g, '":1e400') },
  negative: { body: swapped(/":(5|6|11)\b/g, '":-7') },
  fraction: { body: swapped(/":(5|6|11)\b/g, '":5.5') },
  giant: { body: swapped(/":(5|6|11)\b/g, '":99999999999999999999') },
  empty: { body: (dialect) => bytes(nothing[dialect]) },
  hollow: { body: () => bytes('{}') },
  'no-body': { body: () => bytes('') },
  scalar: { body: () => bytes('"just text"') },
  half: { body: (dialect) => bytes(around[dialect].join('Half').slice(0,
    -30)) },
  trailing: { body: (dialect) => bytes(around[dialect].join('Fine.'),
    ' {"and":"more"}') },
  'bad-page': { status: 502, type: 'text/html', body: () => bytes(HTML) },
  page: { type: 'text/html', body: () => bytes(HTML) },
  kinds: { body: (dialect) => bytes(around[dialect].join('Fine.')
    .replace(/:"(stop|completed|end_turn|STOP)"/g, ':{"a":[1]}')
    .replace(/"(assistant|model)"/g, '7')) },
};

export const NAMES = Object.keys(bodies);
export const HUGE = 100 << 20;
