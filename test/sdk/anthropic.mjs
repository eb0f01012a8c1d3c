// The official Anthropic SDK.
import Anthropic from "@anthropic-ai/sdk";
import { BASE, KEY } from "./table.mjs";

const client = (key = KEY) => new Anthropic({ baseURL: BASE, apiKey: key, maxRetries: 0 });

const classes = {
  400: Anthropic.BadRequestError, 401: Anthropic.AuthenticationError, 403: Anthropic.PermissionDeniedError,
  404: Anthropic.NotFoundError, 429: Anthropic.RateLimitError,
};
const finishes = { end_turn: "stop", stop_sequence: "stop", max_tokens: "length", refusal: "refusal" };

export default [{
  name: "anthropic",
  format: "messages",
  async count(model, user) {
    return (await client().messages.countTokens({ model, messages: [{ role: "user", content: user }] })).input_tokens;
  },
  async iterate({ model, heard }) {
    const s = await client().messages.create({ model, stream: true, max_tokens: 100, messages: [{ role: "user", content: "hello" }] });
    for await (const e of s) if (e.type === "content_block_delta") heard(e.delta.text);
  },
  shows: ["messages", "responses", "gemini"],
  raised: (e, status) => e instanceof (classes[status] ?? (status >= 500 ? Anthropic.InternalServerError : Anthropic.APIError)) && e.status === status,
  left: (e) => e instanceof Anthropic.APIUserAbortError,
  async models() {
    const ids = [];
    for await (const m of client().models.list()) ids.push(m.id);
    return ids;
  },
  async run({ model, user, image, tools = {}, schema, max = 1000, stop, think, signal, stream, heard, key }) {
    const body = {
      model, max_tokens: max, stop_sequences: stop,
      thinking: think && { type: "enabled", budget_tokens: 1024 },
      messages: [{ role: "user", content: image ? [{ type: "text", text: user }, { type: "image", source: { type: "base64", media_type: "image/png", data: image } }] : user }],
      output_config: schema && { format: { type: "json_schema", schema } },
      tools: Object.entries(tools).map(([name, t]) => ({ name, description: t.description, input_schema: t.schema })),
    };
    const { messages } = client(key);
    const steps = [];
    let reasoning = "";
    for (;;) {
      let a;
      if (stream) {
        const s = messages.stream(body, { signal });
        s.on("text", heard);
        a = await s.finalMessage();
      } else {
        a = await messages.create(body, { signal });
        for (const b of a.content) if (b.type === "text") heard(b.text);
      }
      for (const b of a.content) if (b.type === "thinking") reasoning += b.thinking;
      const calls = a.content.filter((b) => b.type === "tool_use");
      if (calls.length === 0) {
        const text = a.content.filter((b) => b.type === "text").map((b) => b.text).join("");
        const u = a.usage;
        const usage = {
          input: u.input_tokens + u.cache_read_input_tokens + u.cache_creation_input_tokens, cached: u.cache_read_input_tokens,
          output: u.output_tokens, reasoning: u.output_tokens_details?.thinking_tokens,
        };
        return { text, reasoning, finish: finishes[a.stop_reason], steps, usage };
      }
      if (a.stop_reason !== "tool_use") throw new Error(`stop_reason ${a.stop_reason} after calls`);
      steps.push(calls.map((c) => ({ id: c.id, name: c.name, args: c.input })));
      body.messages.push({ role: "assistant", content: a.content });
      body.messages.push({ role: "user", content: calls.map((c) => ({ type: "tool_result", tool_use_id: c.id, content: tools[c.name].run(c.input) })) });
    }
  },
}];
