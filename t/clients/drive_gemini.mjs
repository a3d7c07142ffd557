import adapter from './adapters/gemini.mjs';
import { matrix } from './matrix.mjs';

matrix(adapter);
