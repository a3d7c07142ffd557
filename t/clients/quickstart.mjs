// Every SDK's first example, as it stands, with nothing but the environment
// telling it where to go. The model of its maker is somebody else's here.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { HELLO } from './fake/scenarios.mjs';
import { named as test } from './matrix.mjs';

const { GATEWAY, PROVIDER } = process.env;
const key = 'sk-of-the-client';
const env = { ...process.env,
  OPENAI_API_KEY: key, OPENAI_BASE_URL: `${GATEWAY}/v1`,
  ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: GATEWAY,
  GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: GATEWAY };

const run = promisify(execFile);
for (const file of readdirSync(`${import.meta.dirname}/quickstart`)) {
  test(`${file} with ${PROVIDER}`, async () => {
    const { stdout } = await run(process.execPath,
      [`${import.meta.dirname}/quickstart/${file}`], { env });
    assert.equal(stdout, `${HELLO}\n${HELLO}`);
  });
}
