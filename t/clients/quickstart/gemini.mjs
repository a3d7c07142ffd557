// How the Gemini SDK's manual begins.
import { GoogleGenAI } from '@google/genai';

const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY });

const response = await ai.models.generateContent({
  model: 'gemini-3.5-flash',
  contents: 'Where does the sun go at night?',
});
console.log(response.text);

const stream = await ai.models.generateContentStream({
  model: 'gemini-3.5-flash',
  contents: 'Count to ten.',
});
for await (const chunk of stream) {
  process.stdout.write(chunk.text ?? '');
}
