// The official Google Gen AI SDK.
import { ApiError, GoogleGenAI } from "@google/genai";
import { BASE, KEY } from "./table.mjs";

const client = (key = KEY) => new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: BASE } });

const finishes = { STOP: "stop", MAX_TOKENS: "length", SAFETY: "refusal", PROHIBITED_CONTENT: "refusal" };

export default [{
  name: "google",
  format: "gemini",
  async count(model, user) {
    return (await client().models.countTokens({ model, contents: user })).totalTokens;
  },
  shows: ["messages", "responses", "gemini"],
  raised: (e, status) => e instanceof ApiError && e.status === status,
  left: (e) => e.name === "AbortError",
  async models() {
    const ids = [];
    for await (const m of await client().models.list()) ids.push(m.name.replace(/^models\//, ""));
    return ids;
  },
  async run({ model, user, image, tools = {}, schema, max, stop, think, signal, stream, heard, key }) {
    const declared = Object.entries(tools).map(([name, t]) => ({ name, description: t.description, parametersJsonSchema: t.schema }));
    const ask = {
      model,
      contents: [{ role: "user", parts: [{ text: user }, ...(image ? [{ inlineData: { mimeType: "image/png", data: image } }] : [])] }],
      config: {
        maxOutputTokens: max, stopSequences: stop, abortSignal: signal,
        thinkingConfig: think && { includeThoughts: true },
        tools: declared.length ? [{ functionDeclarations: declared }] : undefined,
        ...(schema && { responseMimeType: "application/json", responseJsonSchema: schema }),
      },
    };
    const { models } = client(key);
    const steps = [];
    let reasoning = "";
    for (;;) {
      const parts = [];
      let finish, usage;
      const take = (chunk) => {
        for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
          parts.push(part);
          if (part.thought) reasoning += part.text ?? "";
          else if (part.text) heard(part.text);
        }
        finish = chunk.promptFeedback?.blockReason ? "refusal" : (finishes[chunk.candidates?.[0]?.finishReason] ?? finish);
        usage = chunk.usageMetadata ?? usage;
      };
      if (stream) {
        for await (const chunk of await models.generateContentStream(ask)) take(chunk);
      } else {
        take(await models.generateContent(ask));
      }
      const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
      if (calls.length === 0) {
        const text = parts.filter((part) => !part.thought).map((part) => part.text ?? "").join("");
        return {
          text, reasoning, finish, steps,
          usage: {
            input: usage?.promptTokenCount, cached: usage?.cachedContentTokenCount,
            output: (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0), reasoning: usage?.thoughtsTokenCount,
          },
        };
      }
      steps.push(calls.map((c) => ({ id: c.id, name: c.name, args: c.args })));
      ask.contents.push({ role: "model", parts });
      ask.contents.push({ role: "user", parts: calls.map((c) => ({ functionResponse: { id: c.id, name: c.name, response: { output: tools[c.name].run(c.args) } } })) });
    }
  },
}];
