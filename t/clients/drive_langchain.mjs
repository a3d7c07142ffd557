import adapter from './adapters/langchain.mjs';
import { matrix } from './matrix.mjs';

matrix(adapter);
