// Gemini's API: what it takes, and what it says.
import {
  Bad, any, base64, bool, dict, filled, int, kindOf, like, list, num, object,
  one, str, within,
} from './shape.mjs';
import { SIGNED } from './scenarios.mjs';

// What stands for the signature of a call that another model made.
const FOREIGN = ['skip_thought_signature_validator',
  'context_engineering_is_the_way_to_go'];
const NAME = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$/;

// Protobuf's JSON takes both spellings of a name.
const camel = (name) => name.replace(/_([a-z])/g, (_, c) => c.toUpperCase());
const FREE = /^(args|response|parametersJsonSchema|responseJsonSchema|properties)$/;
export function camelled(value) {
  if (Array.isArray(value)) return value.map(camelled);
  if (kindOf(value) !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) =>
    [camel(name), FREE.test(camel(name)) ? inner : camelled(inner)]));
}

// The subset of OpenAPI that `parameters` and `responseSchema` are.
const schema = (value, path) => object({
  'type': (v, at) => one('string', 'number', 'integer', 'boolean', 'array',
    'object', 'null')(String(v).toLowerCase(), at),
  'format?': str, 'title?': str, 'description?': str, 'nullable?': bool,
  'enum?': list(str), 'maxItems?': any, 'minItems?': any,
  'properties?': (map, at) => {
    dict(map, at);
    for (const [name, inner] of Object.entries(map)) {
      schema(inner, `${at}.${name}`);
    }
  },
  'required?': list(str), 'minProperties?': any, 'maxProperties?': any,
  'minLength?': any, 'maxLength?': any, 'pattern?': str, 'example?': any,
  'anyOf?': list(schema), 'propertyOrdering?': list(str), 'default?': any,
  'items?': schema, 'minimum?': num, 'maximum?': num,
})(value, path);

const data = {
  text: filled,
  inlineData: object({ 'mimeType': like(/^\w+\/[\w.+-]+$/), 'data': base64,
    'displayName?': str }),
  fileData: object({ 'mimeType?': str, 'fileUri': filled }),
  functionCall: object({ 'id?': filled, 'name': like(NAME), 'args?': dict }),
  functionResponse: object({ 'id?': filled, 'name': like(NAME),
    'response': dict, 'willContinue?': bool, 'scheduling?': any,
    'parts?': any }),
  executableCode: any, codeExecutionResult: any,
};
const part = (value, path) => {
  object({ ...Object.fromEntries(Object.entries(data).map(([name, shape]) =>
    [`${name}?`, shape])), 'thought?': bool,
  'thoughtSignature?': like(/^[\w+/-]+={0,2}$/),
  'videoMetadata?': any, 'mediaResolution?': any })(value, path);
  const there = Object.keys(data).filter((name) => name in value);
  if (there.length !== 1) {
    throw new Bad(path, `${path}.data: required oneof field 'data' must have `
      + `one initialized field, has [${there}]`);
  }
};
const contentOf = (...roles) => object({ 'role?': one(...roles),
  'parts': list(part, { least: 1 }) });

const schemas = (first, second) => (value, path) => {
  if (first in value && second in value) {
    throw new Bad(path, `${path}: only one of ${first}, ${second}`);
  }
};
const both = (...shapes) => (value, path) =>
  shapes.forEach((shape) => shape(value, path));

const tool = object({
  'functionDeclarations?': list(both(object({ 'name': like(NAME),
    'description?': str, 'parameters?': (value, path) => {
      schema(value, path);
      if (/object/i.test(value.type)
        && !Object.keys(value.properties ?? {}).length) {
        throw new Bad(path, `${path}.properties: should be non-empty for `
          + 'OBJECT type');
      }
    }, 'parametersJsonSchema?': dict, 'behavior?': any, 'response?': any,
    'responseJsonSchema?': any }),
  schemas('parameters', 'parametersJsonSchema')), { least: 1 }),
  'googleSearch?': any, 'codeExecution?': any, 'urlContext?': any });

const config = both(object({
  'temperature?': within(0, 2), 'topP?': within(0, 1), 'topK?': num,
  'candidateCount?': within(1, 8, int), 'maxOutputTokens?': within(1, 1e6,
    int), 'stopSequences?': list(filled, { most: 5 }), 'seed?': int,
  'presencePenalty?': within(-2, 2), 'frequencyPenalty?': within(-2, 2),
  'responseLogprobs?': bool, 'logprobs?': within(0, 20, int),
  'responseMimeType?': one('text/plain', 'application/json', 'text/x.enum'),
  'responseSchema?': schema, 'responseJsonSchema?': dict,
  'responseModalities?': list(str), 'speechConfig?': any,
  'mediaResolution?': any, 'imageConfig?': any,
  'thinkingConfig?': both(object({ 'includeThoughts?': bool,
    'thinkingBudget?': within(-1, 65536, int), 'thinkingLevel?':
      one('MINIMAL', 'LOW', 'MEDIUM', 'HIGH', 'minimal', 'low', 'medium',
        'high') }), schemas('thinkingBudget', 'thinkingLevel')),
}), schemas('responseSchema', 'responseJsonSchema'));

const body = object({
  'contents': list(contentOf('user', 'model', 'function'), { least: 1 }),
  'systemInstruction?': contentOf('user', 'system', 'model'),
  'tools?': list(tool), 'toolConfig?': object({
    'functionCallingConfig?': object({ 'mode?': one('AUTO', 'ANY', 'NONE',
      'VALIDATED', 'MODE_UNSPECIFIED'), 'allowedFunctionNames?':
      list(like(NAME)) }), 'retrievalConfig?': any }),
  'safetySettings?': list(any), 'generationConfig?': config,
  'cachedContent?': like(/^cachedContents\//), 'model?': str, 'labels?': any,
});

// --- what no shape can say -------------------------------------------------

const has = (turn, kind) => (turn?.parts ?? []).filter((p) => p[kind]);

function callsAndResults(contents) {
  contents.forEach((turn, n) => {
    const here = `contents[${n}]`;
    const calls = has(turn, 'functionCall');
    const answers = has(turn, 'functionResponse');
    if (calls.length && contents[n - 1]?.role !== 'user') {
      throw new Bad(here, 'Please ensure that function call turn comes '
        + 'immediately after a user turn or after a function response turn.');
    }
    if (answers.length) {
      const asked = has(contents[n - 1], 'functionCall');
      if (asked.length !== answers.length) {
        throw new Bad(here, 'Please ensure that the number of function '
          + 'response parts is equal to the number of function call parts of '
          + 'the function call turn.');
      }
      const names = (ps, kind) => ps.map((p) => p[kind].name).sort().join();
      if (names(asked, 'functionCall') !== names(answers,
        'functionResponse')) {
        throw new Bad(here, `${here}: the results name `
          + `${names(answers, 'functionResponse')}`);
      }
    } else if (calls.length && n === contents.length - 1) {
      throw new Bad(here, 'Please ensure that function response turn comes '
        + 'immediately after a function call turn.');
    }
  });
}

// Gemini 3: the first call of each step since the user last spoke.
function signaturesComeBack(contents) {
  const from = contents.findLastIndex((c) => c.role !== 'model'
    && has(c, 'text').length);
  contents.forEach((turn, n) => {
    for (const p of turn.parts) {
      if (p.thoughtSignature && p.thoughtSignature !== SIGNED
        && !FOREIGN.includes(p.thoughtSignature)) {
        throw new Bad(`contents[${n}]`, 'Corrupted thought signature.');
      }
    }
    const first = has(turn, 'functionCall')[0];
    if (n > from && first && !first.thoughtSignature) {
      throw new Bad(`contents[${n}]`, `Function call is missing a `
        + 'thought_signature in functionCall parts: '
        + `${first.functionCall.name}, position ${n}.`);
    }
  });
}

export function checkGenerate(raw) {
  const request = camelled(raw);
  try {
    body(request, '');
  } catch (error) {
    if (!error.unknown) throw error;
    throw new Bad(error.path, 'Invalid JSON payload received. Unknown name '
      + `"${error.path}": Cannot find field.`);
  }
  const { contents, generationConfig: c = {}, toolConfig } = request;
  if (contents.some((one) => !one.role) && contents.length > 1) {
    throw new Bad('contents', 'Please use a valid role: user, model.');
  }
  if (contents.length && contents[0].role === 'model') {
    throw new Bad('contents[0]', 'the first turn must be of the user');
  }
  if ((c.responseSchema || c.responseJsonSchema)
    && c.responseMimeType !== 'application/json') {
    throw new Bad('generationConfig', 'response_mime_type must be '
      + 'application/json with a schema');
  }
  const calling = toolConfig?.functionCallingConfig ?? {};
  if (calling.allowedFunctionNames?.length
    && !/ANY|VALIDATED/.test(calling.mode)) {
    throw new Bad('toolConfig', 'allowed_function_names only with ANY');
  }
  callsAndResults(contents);
  signaturesComeBack(contents);
}

export function checkEmbed(raw) {
  object({ 'content': contentOf('user'), 'model?': like(/^models\//),
    'taskType?': any, 'title?': any, 'outputDimensionality?':
      within(1, 4096, int) })(camelled(raw), '');
}

export const checkBatch = (raw) =>
  list((one) => { checkEmbed(one); str(one.model, 'model'); },
    { least: 1 })(raw.requests, 'requests');

// --- the neutral form ------------------------------------------------------

const plainResult = (response) => (Object.keys(response).length === 1
  && typeof Object.values(response)[0] === 'string'
  ? Object.values(response)[0] : JSON.stringify(response));

function partOf(p) {
  const signed = p.thoughtSignature && { signature: p.thoughtSignature };
  if (p.functionCall) {
    const { id, name, args } = p.functionCall;
    return { call: { id, name, args: args ?? {}, ...signed } };
  }
  if (p.functionResponse) {
    const { id, name, response } = p.functionResponse;
    return { result: { id, name, text: plainResult(response) } };
  }
  if (p.inlineData) {
    return { image: { mime: p.inlineData.mimeType,
      data: p.inlineData.data } };
  }
  if (p.fileData) return { image: { url: p.fileData.fileUri } };
  return p.thought ? { thought: p.text, ...signed }
    : { text: p.text, ...signed };
}

export function readGenerate(raw, model, stream) {
  const request = camelled(raw);
  const c = request.generationConfig ?? {};
  const calling = request.toolConfig?.functionCallingConfig;
  const named = calling?.allowedFunctionNames;
  return {
    model, stream, n: c.candidateCount,
    system: (request.systemInstruction?.parts ?? []).map((p) => p.text),
    turns: request.contents.map((turn) => ({
      role: has(turn, 'functionResponse').length ? 'tool'
        : turn.role === 'model' ? 'assistant' : 'user',
      parts: turn.parts.map(partOf) })),
    tools: (request.tools ?? []).flatMap((t) => t.functionDeclarations ?? [])
      .map((f) => ({ name: f.name, description: f.description,
        schema: f.parametersJsonSchema ?? f.parameters })),
    choice: named?.length === 1 ? named[0] : { AUTO: 'auto', ANY: 'required',
      NONE: 'none', VALIDATED: 'auto' }[calling?.mode],
    max: c.maxOutputTokens, temperature: c.temperature, topP: c.topP,
    stop: c.stopSequences, schema: c.responseJsonSchema ?? c.responseSchema
      ?? (c.responseMimeType === 'application/json' ? 'any' : undefined),
    effort: c.thinkingConfig?.thinkingLevel?.toLowerCase(),
    budget: c.thinkingConfig?.thinkingBudget, seed: c.seed,
    thoughts: c.thinkingConfig?.includeThoughts,
  };
}

// --- answers ---------------------------------------------------------------

const finishes = { stop: 'STOP', length: 'MAX_TOKENS', tools: 'STOP',
  filter: 'SAFETY', sequence: 'STOP' };

// Zeros are left out, as protobuf does.
const usageOf = (u) => Object.fromEntries(Object.entries({
  promptTokenCount: u.input, cachedContentTokenCount: u.cached,
  candidatesTokenCount: u.output - u.reasoning,
  thoughtsTokenCount: u.reasoning, totalTokenCount: u.input + u.output,
}).filter(([, n]) => n).concat([['promptTokensDetails',
  [{ modality: 'TEXT', tokenCount: u.input }]]]));

// One list of parts for each event of a stream. A call comes whole; the
// first is signed, and has an id only where the scenario says so.
function eventsOf(answer) {
  let first = true;
  return answer.parts.flatMap((p) => {
    if (p.call) {
      const { id, name, args } = p.call;
      const functionCall = { ...(answer.ids && { id }), name, args };
      const signed = first ? { thoughtSignature: SIGNED } : {};
      first = false;
      return [[{ functionCall, ...signed }]];
    }
    if (p.thought) return p.thought.map((text) => [{ text, thought: true }]);
    return (p.text ?? p.refusal ?? []).map((text) => [{ text }]);
  });
}

const frame = (answer, model, parts, finish) => ({
  candidates: Array.from({ length: answer.choices ?? 1 }, (_, index) => ({
    content: { parts, role: 'model' }, ...(finish && { finishReason: finish }),
    index })),
  ...(answer.usage && { usageMetadata: finish ? usageOf(answer.usage)
    : { promptTokenCount: answer.usage.input,
      totalTokenCount: answer.usage.input } }),
  modelVersion: model, responseId: answer.id,
});

const blockedOf = (answer, model) => ({
  promptFeedback: { blockReason: 'SAFETY', safetyRatings: [] },
  usageMetadata: { promptTokenCount: answer.usage.input,
    totalTokenCount: answer.usage.input },
  modelVersion: model, responseId: answer.id });

// In a whole answer the pieces of a text are one part.
export function wholeGenerate(answer, model) {
  if (answer.finish === 'blocked') return blockedOf(answer, model);
  const parts = [];
  for (const p of eventsOf(answer).flat()) {
    const last = parts.at(-1);
    if ('text' in p && last && 'text' in last && p.thought === last.thought) {
      last.text += p.text;
    } else parts.push({ ...p });
  }
  return frame(answer, model, parts, finishes[answer.finish]);
}

export function streamGenerate(answer, model) {
  if (answer.finish === 'blocked') {
    return [`data: ${JSON.stringify(blockedOf(answer, model))}\r\n\r\n`];
  }
  const lists = eventsOf(answer);
  if (!lists.length) lists.push([{ text: '' }]);
  let events = lists.map((parts, n) => frame(answer, model, parts,
    n === lists.length - 1 && !answer.cut && finishes[answer.finish]));
  if (answer.midway) {
    events = [...events.slice(0, 1), { error: { code: 503,
      message: answer.midway.message, status: 'UNAVAILABLE' } }];
  }
  return events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`);
}

export const models = (names) => ({ models: names.map((id) => ({
  name: `models/${id}`, displayName: id, inputTokenLimit: 1048576,
  outputTokenLimit: 65536, supportedGenerationMethods: ['generateContent',
    'countTokens'] })) });

const statuses = { 400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND', 429: 'RESOURCE_EXHAUSTED', 500: 'INTERNAL',
  503: 'UNAVAILABLE' };

export function errorOf({ status, kind, message, wait }) {
  const details = wait ? [{ '@type': 'type.googleapis.com/google.rpc.'
    + 'RetryInfo', retryDelay: `${wait}s` }]
    : kind === 'key' ? [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'API_KEY_INVALID', domain: 'googleapis.com' }] : [];
  const code = kind === 'key' ? 400 : status;
  return { status: code, headers: {}, body: { error: { code,
    message: kind === 'context' ? 'The input token count (2000000) exceeds '
      + 'the maximum number of tokens allowed (1048576).' : message,
    status: statuses[code], ...(details.length && { details }) } } };
}
