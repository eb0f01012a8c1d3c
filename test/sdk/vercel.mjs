// The Vercel AI SDK, whose own loop runs the tools, with its packages for each
// format.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import { BASE, KEY } from "./table.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const finishes = { stop: "stop", length: "length", "content-filter": "refusal" };

function sdk(name, model, thinks, more) {
  return {
    name: `vercel ${name}`,
    raised: (e, status) => APICallError.isInstance(e) && e.statusCode === status,
    left: (e) => e.name === "AbortError",
    // It lists no models: what it would ask is asked here.
    async models() {
      const answer = await fetch(`${BASE}/v1/models`, { headers: { authorization: `Bearer ${KEY}` } });
      return (await answer.json()).data.map((m) => m.id);
    },
    async run({ model: id, user, image, tools = {}, schema, max, stop, think, signal, stream, heard, key = KEY }) {
      const ask = {
        model: model(key)(id), maxRetries: 0, maxOutputTokens: max, stopSequences: stop, abortSignal: signal,
        providerOptions: think ? thinks : { openai: { store: false } },
        stopWhen: stepCountIs(9),
        messages: [{ role: "user", content: image ? [{ type: "text", text: user }, { type: "image", image, mediaType: "image/png" }] : user }],
        tools: Object.fromEntries(Object.entries(tools).map(([name, t]) => [name, tool({ description: t.description, inputSchema: jsonSchema(t.schema), execute: t.run })])),
        output: schema && Output.object({ schema: jsonSchema(schema) }),
      };
      let a;
      if (stream) {
        a = streamText({ ...ask, onError() {} });
        for await (const part of a.fullStream) {
          if (part.type === "text-delta") heard(part.text);
          if (part.type === "error") throw part.error;
          if (part.type === "tool-error") throw part.error;
          if (part.type === "abort") throw new DOMException("aborted", "AbortError");
        }
      } else {
        a = await generateText(ask);
      }
      const all = await a.steps;
      if (!stream) for (const step of all) if (step.text) heard(step.text);
      const last = all.at(-1);
      const calls = all.map((step) => step.toolCalls.map((c) => ({ id: c.toolCallId, name: c.toolName, args: c.input })));
      if (schema) await a.output;
      const { usage } = last;
      return {
        text: last.text, reasoning: all.map((step) => step.reasoningText ?? "").join(""), finish: finishes[last.finishReason],
        steps: calls.filter((list) => list.length > 0),
        usage: {
          input: usage.inputTokens, cached: usage.inputTokenDetails.cacheReadTokens,
          output: usage.outputTokens, reasoning: usage.outputTokenDetails.reasoningTokens,
        },
      };
    },
    ...more,
  };
}

const baseURL = `${BASE}/v1`;

const signed = ["messages", "responses", "gemini"];

export default [
  sdk("openai, Chat Completions", (apiKey) => createOpenAI({ baseURL, apiKey }).chat, { openai: { reasoningEffort: "high", forceReasoning: true } }, { format: "chat" }),
  // It knows reasoning models by their bare names. Unless told not to store, it
  // sends answers back as references to what the provider stored.
  sdk("openai, Responses", (apiKey) => createOpenAI({ baseURL, apiKey }), { openai: { reasoningEffort: "high", reasoningSummary: "auto", forceReasoning: true, store: false } }, { format: "responses", without: ["stop"], shows: signed }),
  sdk("openai-compatible", (apiKey) => createOpenAICompatible({ name: "oido", baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true }), { oido: { reasoningEffort: "high" } }, { format: "chat", shows: ["messages", "gemini"] }),
  sdk("anthropic", (apiKey) => createAnthropic({ baseURL, apiKey }), { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } }, { format: "messages", shows: signed }),
  sdk("google", (apiKey) => createGoogleGenerativeAI({ baseURL: `${BASE}/v1beta`, apiKey }), { google: { thinkingConfig: { includeThoughts: true } } }, { format: "gemini", shows: signed }),
];
