// The official OpenAI SDK: chat completions.
import adapter from './adapters/openai_chat.mjs';
import { matrix } from './matrix.mjs';

matrix(adapter);
