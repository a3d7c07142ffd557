import adapter from './adapters/anthropic.mjs';
import { matrix } from './matrix.mjs';

matrix(adapter);
