import adapter from './adapters/vercel.mjs';
import { matrix } from './matrix.mjs';

matrix(adapter);
