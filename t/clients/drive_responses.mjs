import adapter from './adapters/openai_responses.mjs';
import { matrix } from './matrix.mjs';

matrix(adapter);
