// The official OpenAI SDK, Chat Completions and Responses.
import OpenAI from "openai";
import { BASE, KEY } from "./table.mjs";

const client = (key = KEY) => new OpenAI({ baseURL: `${BASE}/v1`, apiKey: key, maxRetries: 0 });

const classes = {
  400: OpenAI.BadRequestError, 401: OpenAI.AuthenticationError, 403: OpenAI.PermissionDeniedError,
  404: OpenAI.NotFoundError, 429: OpenAI.RateLimitError,
};

const shared = {
  raised: (e, status) => e instanceof (classes[status] ?? (status >= 500 ? OpenAI.InternalServerError : OpenAI.APIError)) && e.status === status,
  left: (e) => e instanceof OpenAI.APIUserAbortError,
  async models() {
    const ids = [];
    for await (const m of client().models.list()) ids.push(m.id);
    return ids;
  },
};

const chat = {
  name: "openai, Chat Completions",
  format: "chat",
  async iterate({ model, heard }) {
    const s = await client().chat.completions.create({ model, stream: true, messages: [{ role: "user", content: "hello" }] });
    for await (const chunk of s) heard(chunk.choices[0]?.delta.content ?? "");
  },
  ...shared,
  async run({ model, user, image, tools = {}, schema, max, stop, think, signal, stream, heard, key }) {
    const body = {
      model, stop, max_completion_tokens: max, reasoning_effort: think && "high",
      messages: [{ role: "user", content: image ? [{ type: "text", text: user }, { type: "image_url", image_url: { url: `data:image/png;base64,${image}` } }] : user }],
      response_format: schema && { type: "json_schema", json_schema: { name: "answer", schema, strict: true } },
      tools: Object.keys(tools).length ? Object.entries(tools).map(([name, t]) => ({ type: "function", function: { name, description: t.description, parameters: t.schema } })) : undefined,
    };
    const completions = client(key).chat.completions;
    const steps = [];
    for (;;) {
      let a;
      if (stream) {
        const s = completions.stream({ ...body, stream_options: { include_usage: true } }, { signal });
        s.on("content", heard);
        a = await s.finalChatCompletion();
      } else {
        a = await completions.create(body, { signal });
        if (a.choices[0].message.content) heard(a.choices[0].message.content);
      }
      const { message, finish_reason: reason } = a.choices[0];
      if (!message.tool_calls?.length) {
        const finish = message.refusal || reason === "content_filter" ? "refusal" : reason;
        const usage = {
          input: a.usage.prompt_tokens, cached: a.usage.prompt_tokens_details?.cached_tokens,
          output: a.usage.completion_tokens, reasoning: a.usage.completion_tokens_details?.reasoning_tokens,
        };
        return { text: message.content, finish, steps, usage };
      }
      if (reason !== "tool_calls") throw new Error(`finish_reason ${reason} after calls`);
      steps.push(message.tool_calls.map((c) => ({ id: c.id, name: c.function.name, args: JSON.parse(c.function.arguments) })));
      // The SDK adds parsed fields of its own, which the vendor refuses back.
      const calls = message.tool_calls.map(({ id, type, function: { name, arguments: args } }) => ({ id, type, function: { name, arguments: args } }));
      body.messages.push({ role: "assistant", content: message.content, tool_calls: calls });
      for (const c of steps.at(-1)) body.messages.push({ role: "tool", tool_call_id: c.id, content: tools[c.name].run(c.args) });
    }
  },
};

const responses = {
  name: "openai, Responses",
  ...shared,
  format: "responses",
  async iterate({ model, heard }) {
    const s = await client().responses.create({ model, stream: true, store: false, input: "hello" });
    for await (const e of s) if (e.type === "response.output_text.delta") heard(e.delta);
  },
  without: ["stop"],
  shows: ["messages", "responses", "gemini"],
  // Says what is new after an earlier answer, and returns the answer.
  async next({ stream, ...body }) {
    const api = client().responses;
    return stream ? api.stream(body).finalResponse() : api.create(body);
  },
  kept: () => client().responses,
  async run({ model, user, image, tools = {}, schema, max, think, signal, stream, heard, key }) {
    const body = {
      model, max_output_tokens: max, store: false,
      reasoning: think && { effort: "high", summary: "auto" },
      include: think && ["reasoning.encrypted_content"],
      input: [{ role: "user", content: image ? [{ type: "input_text", text: user }, { type: "input_image", detail: "auto", image_url: `data:image/png;base64,${image}` }] : user }],
      text: schema && { format: { type: "json_schema", name: "answer", schema, strict: true } },
      tools: Object.entries(tools).map(([name, t]) => ({ type: "function", name, description: t.description, parameters: t.schema, strict: false })),
    };
    const api = client(key).responses;
    const steps = [];
    let reasoning = "";
    for (;;) {
      let a;
      if (stream) {
        const s = api.stream(body, { signal });
        s.on("response.output_text.delta", (e) => heard(e.delta));
        a = await s.finalResponse();
        if (a.status === "failed") throw new OpenAI.APIError(undefined, a.error, undefined, undefined);
      } else {
        a = await api.create(body, { signal });
        if (a.output_text) heard(a.output_text);
      }
      for (const item of a.output) {
        // The SDK adds parsed fields of its own, which the vendor refuses back.
        delete item.parsed_arguments;
        for (const part of item.content ?? []) delete part.parsed;
        for (const part of item.type === "reasoning" ? item.summary : []) reasoning += part.text;
      }
      const calls = a.output.filter((item) => item.type === "function_call");
      if (calls.length === 0) {
        const refused = a.output.some((item) => item.type === "message" && item.content.some((part) => part.type === "refusal"));
        let finish = { completed: "stop", incomplete: a.incomplete_details?.reason }[a.status];
        if (finish === "max_output_tokens") finish = "length";
        if (refused || finish === "content_filter") finish = "refusal";
        const usage = {
          input: a.usage.input_tokens, cached: a.usage.input_tokens_details.cached_tokens,
          output: a.usage.output_tokens, reasoning: a.usage.output_tokens_details.reasoning_tokens,
        };
        return { text: a.output_text, reasoning, finish, steps, usage };
      }
      steps.push(calls.map((c) => ({ id: c.call_id, name: c.name, args: JSON.parse(c.arguments) })));
      body.input.push(...a.output);
      for (const c of steps.at(-1)) body.input.push({ type: "function_call_output", call_id: c.id, output: tools[c.name].run(c.args) });
    }
  },
};

export default [chat, responses];
