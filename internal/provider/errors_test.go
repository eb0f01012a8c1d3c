package provider_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/messages"
	"github.com/oidostudio/oido/internal/wire/responses"
)

// troubles are what every vendor has words of its own for, and what each is.
var troubles = map[string]llm.Kind{
	"rate":       llm.KindRateLimit,     // wait, then again
	"quota":      llm.KindQuota,         // an allowance or the money is used up: waiting a little doesn't help
	"spend":      llm.KindQuota,         // a limit that was set on spending: the same
	"overloaded": llm.KindOverloaded,    // again, or elsewhere
	"context":    llm.KindContextLength, // a larger window
	"filter":     llm.KindContentFilter, // the vendor's policy
	"auth":       llm.KindAuth,          // the key
	"gone":       llm.KindNotFound,      // the model
	"in a 200":   "",                    // of any kind, named by the row
	"in stream":  "",
}

// silent says which troubles a vendor is not known to refuse with, and why.
var silent = map[string]map[string]string{
	"gemini":            {"filter": "a blocked prompt is an answer that ends so"},
	"vertex":            {"filter": "a blocked prompt is an answer that ends so"},
	"bedrock":           {"spend": "it bills, and has no limit on spending", "in a 200": "it answers a failure with its status"},
	"nvidia":            {"filter": "none is documented", "spend": "there is no price: what is used up are credits"},
	"mistral":           {"filter": "its guardrails are asked for and answer in the message"},
	"groq":              {"filter": "none is documented"},
	"together":          {"filter": "safety models are asked for and answer in the message"},
	"ollama":            {"filter": "none is documented", "spend": "a subscription, without a price of its own"},
	"openai-compatible": {"filter": "its own models decide", "quota": "as its operator likes", "spend": "as its operator likes"},
}

// Shapes of error bodies.
func openAIBody(message, typ, code string) string {
	quoted := "null"
	if code != "" {
		quoted = `"` + code + `"`
	}
	return `{"error":{"message":"` + message + `","type":"` + typ + `","param":null,"code":` + quoted + `}}`
}

func anthropicBody(typ, message, details string) string {
	return `{"type":"error","error":{"type":"` + typ + `","message":"` + message + `"` + details + `},"request_id":"req_1"}`
}

func googleBody(code, status, message, details string) string {
	return `{"error":{"code":` + code + `,"message":"` + message + `","status":"` + status + `"` + details + `}}`
}

// refused is one thing that a vendor says; the status is 200 inside an answer.
type refused struct {
	typ, trouble string
	format       llm.Format
	status       int
	body         string
	kind         llm.Kind // where the trouble alone doesn't tell
}

var refusals = func() []refused {
	const c, r, m, g = llm.FormatChat, llm.FormatResponses, llm.FormatMessages, llm.FormatGemini
	perDay := `,"details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]`
	perMinute := `,"details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]`
	return []refused{
		{"openai", "rate", c, 429, openAIBody("Rate limit reached for gpt-5.4 on tokens per min (TPM)", "tokens", "rate_limit_exceeded"), ""},
		{"openai", "quota", c, 429, openAIBody("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"), ""},
		{"openai", "quota", r, 429, openAIBody("Your credit balance is exhausted.", "insufficient_quota", "credit_balance_exhausted"), ""},
		{"openai", "spend", r, 429, openAIBody("The project has reached its limit.", "insufficient_quota", "project_spend_limit_exceeded"), ""},
		{"openai", "spend", c, 429, openAIBody("The organization has reached its limit.", "requests", "organization_spend_limit_exceeded"), ""},
		{"openai", "overloaded", r, 503, openAIBody("The engine is currently overloaded, please try again later", "server_error", ""), ""},
		{"openai", "context", r, 400, openAIBody("Your input exceeds the context window of this model.", "invalid_request_error", "context_length_exceeded"), ""},
		{"openai", "filter", c, 400, openAIBody("Your request was rejected as a result of our safety system.", "invalid_request_error", "content_policy_violation"), ""},
		{"openai", "auth", r, 401, openAIBody("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"), ""},
		{"openai", "gone", c, 404, openAIBody("The model x does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"), ""},
		{"openai", "in a 200", r, 200, `{"id":"r","object":"response","status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"slow down"}}`, llm.KindRateLimit},
		{"openai", "in stream", c, 200, "data: " + openAIBody("busy", "server_error", "server_is_overloaded") + "\n\n", llm.KindOverloaded},
		{"openai", "in stream", r, 200, "event: error\ndata: {\"type\":\"error\",\"code\":\"insufficient_quota\",\"message\":\"no more\",\"param\":null,\"sequence_number\":1}\n\n", llm.KindQuota},

		{"anthropic", "rate", m, 429, anthropicBody("rate_limit_error", "This request would exceed your organization's rate limit of 40,000 input tokens per minute", ""), ""},
		{"anthropic", "quota", m, 402, anthropicBody("billing_error", "There is an issue with your billing.", ""), ""},
		{"anthropic", "quota", m, 400, anthropicBody("invalid_request_error", "Your credit balance is too low to access the Anthropic API.", ""), ""},
		{"anthropic", "spend", m, 429, anthropicBody("rate_limit_error", "x", `,"details":{"error_code":"enforced_spend_limit_reached"}`), ""},
		{"anthropic", "spend", m, 429, anthropicBody("rate_limit_error", "x", `,"details":{"error_code":"contract_spend_limit_reached"}`), ""},
		{"anthropic", "spend", m, 400, anthropicBody("invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.", ""), ""},
		{"anthropic", "overloaded", m, 529, anthropicBody("overloaded_error", "Overloaded", ""), ""},
		{"anthropic", "context", m, 400, anthropicBody("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ""), ""},
		{"anthropic", "filter", m, 400, anthropicBody("invalid_request_error", "Output blocked by content filtering policy", ""), ""},
		{"anthropic", "auth", m, 401, anthropicBody("authentication_error", "invalid x-api-key", ""), ""},
		{"anthropic", "gone", m, 404, anthropicBody("not_found_error", "model: claude-2.1", ""), ""},
		{"anthropic", "in a 200", m, 200, anthropicBody("overloaded_error", "Overloaded", ""), llm.KindOverloaded},
		{"anthropic", "in stream", m, 200, "event: error\ndata: " + anthropicBody("rate_limit_error", "slow down", "") + "\n\n", llm.KindRateLimit},

		{"gemini", "rate", g, 429, googleBody("429", "RESOURCE_EXHAUSTED", "You exceeded your current quota.", perMinute), ""},
		{"gemini", "quota", g, 429, googleBody("429", "RESOURCE_EXHAUSTED", "You exceeded your current quota.", perDay), ""},
		{"gemini", "spend", g, 429, googleBody("429", "RESOURCE_EXHAUSTED", "Your project has exceeded its monthly spending cap.", ""), ""},
		{"gemini", "spend", g, 429, googleBody("429", "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", ""), ""},
		{"gemini", "overloaded", g, 503, googleBody("503", "UNAVAILABLE", "The model is overloaded. Please try again later.", ""), ""},
		{"gemini", "context", g, 400, googleBody("400", "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", ""), ""},
		{"gemini", "auth", g, 400, googleBody("400", "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", ""), ""},
		{"gemini", "auth", g, 403, "[" + googleBody("403", "PERMISSION_DENIED", "Your API key was reported as leaked.", "") + "]", ""},
		{"gemini", "gone", g, 404, googleBody("404", "NOT_FOUND", "models/gemini-1.0-pro is not found for API version v1beta", ""), ""},
		{"gemini", "in a 200", g, 200, googleBody("503", "UNAVAILABLE", "busy", ""), llm.KindOverloaded},
		{"gemini", "in stream", g, 200, "data: " + googleBody("429", "RESOURCE_EXHAUSTED", "slow", perMinute) + "\n\n", llm.KindRateLimit},

		{"azure-openai", "rate", c, 429, `{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded token rate limit of your current pricing tier. Please retry after 6 seconds."}}`, ""},
		{"azure-openai", "quota", r, 429, openAIBody("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"), ""},
		{"azure-openai", "spend", r, 429, openAIBody("The limit is reached.", "insufficient_quota", "project_spend_limit_exceeded"), ""},
		{"azure-openai", "overloaded", c, 503, `{"error":{"code":"ServiceUnavailable","message":"The service is temporarily unable to process your request."}}`, ""},
		{"azure-openai", "context", c, 400, openAIBody("This model's maximum context length is 128000 tokens.", "invalid_request_error", "context_length_exceeded"), ""},
		{"azure-openai", "filter", c, 400, `{"error":{"message":"The response was filtered due to the prompt triggering a content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, ""},
		{"azure-openai", "auth", c, 401, `{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}`, ""},
		{"azure-openai", "gone", c, 404, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, ""},
		{"azure-openai", "in a 200", c, 200, openAIBody("busy", "server_error", "server_is_overloaded"), llm.KindOverloaded},
		{"azure-openai", "in stream", c, 200, "data: " + `{"error":{"code":"429","message":"token rate limit"}}` + "\n\n", llm.KindRateLimit},

		{"vertex", "rate", g, 429, googleBody("429", "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.", ""), ""},
		{"vertex", "rate", m, 429, anthropicBody("rate_limit_error", "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model", ""), ""},
		{"vertex", "quota", g, 429, googleBody("429", "RESOURCE_EXHAUSTED", "Quota exceeded.", perDay), ""},
		{"vertex", "spend", g, 403, googleBody("403", "PERMISSION_DENIED", "This API method requires billing to be enabled.", `,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BILLING_DISABLED"}]`), ""},
		{"vertex", "overloaded", g, 503, googleBody("503", "UNAVAILABLE", "The service is currently unavailable.", ""), ""},
		{"vertex", "overloaded", m, 529, anthropicBody("overloaded_error", "Overloaded", ""), ""},
		{"vertex", "context", g, 400, googleBody("400", "INVALID_ARGUMENT", "The input token count (1048600) exceeds the maximum number of tokens allowed (1048576).", ""), ""},
		{"vertex", "context", m, 400, anthropicBody("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ""), ""},
		{"vertex", "auth", g, 401, googleBody("401", "UNAUTHENTICATED", "Request had invalid authentication credentials.", ""), ""},
		{"vertex", "gone", g, 404, googleBody("404", "NOT_FOUND", "Publisher Model projects/p/locations/l/publishers/google/models/x was not found or your project does not have access to it.", ""), ""},
		{"vertex", "gone", m, 404, googleBody("404", "NOT_FOUND", "Publisher Model projects/p/locations/l/publishers/anthropic/models/x was not found.", ""), ""},
		{"vertex", "in a 200", g, 200, googleBody("500", "INTERNAL", "An internal error has occurred.", ""), llm.KindUpstream},
		{"vertex", "in stream", m, 200, "event: error\ndata: " + anthropicBody("overloaded_error", "Overloaded", "") + "\n\n", llm.KindOverloaded},

		{"bedrock", "rate", m, 429, `{"message":"Too many requests, please wait before trying again."}`, ""},
		{"bedrock", "quota", m, 429, `{"message":"Too many tokens per day, please wait before trying again."}`, ""},
		{"bedrock", "overloaded", m, 503, `{"message":"Bedrock is unable to process your request."}`, ""},
		{"bedrock", "context", m, 400, `{"message":"Input is too long for requested model."}`, ""},
		{"bedrock", "filter", m, 400, `{"message":"Output blocked by content filtering policy"}`, ""},
		{"bedrock", "auth", m, 403, `{"message":"The security token included in the request is invalid."}`, ""},
		{"bedrock", "auth", m, 403, `{"message":"The security token included in the request is expired"}`, ""},
		{"bedrock", "auth", m, 403, `{"message":"Authentication failed: Please make sure your API Key is valid."}`, ""},
		{"bedrock", "gone", m, 404, `{"message":"This model version has reached the end of its life. Please refer to the AWS documentation for more details."}`, ""},
		{"bedrock", "gone", m, 400, `{"message":"The provided model identifier is invalid."}`, ""},
		{"bedrock", "gone", m, 400, `{"message":"Invocation of model ID anthropic.claude-opus-4-7 with on-demand throughput isn't supported. Retry your request with the ID or ARN of an inference profile that contains this model."}`, ""},
		{"bedrock", "in stream", m, 200, "event: error\ndata: " + anthropicBody("rate_limit_error", "Too many tokens", "") + "\n\n", llm.KindRateLimit},

		{"deepseek", "rate", c, 429, openAIBody("Rate limit reached", "rate_limit_error", ""), ""},
		{"deepseek", "quota", c, 402, openAIBody("Insufficient Balance", "unknown_error", "invalid_request_error"), ""},
		{"deepseek", "spend", m, 402, anthropicBody("invalid_request_error", "Insufficient Balance", ""), ""},
		{"deepseek", "overloaded", c, 503, openAIBody("Service is too busy.", "service_unavailable_error", "service_unavailable_error"), ""},
		{"deepseek", "context", c, 400, openAIBody("This model's maximum context length is 1048576 tokens. However, you requested 1100000 tokens.", "invalid_request_error", "invalid_request_error"), ""},
		{"deepseek", "filter", c, 400, openAIBody("Content Exists Risk", "invalid_request_error", "invalid_request_error"), ""},
		{"deepseek", "auth", c, 401, openAIBody("Authentication Fails, Your api key: ****abcd is invalid", "authentication_error", "invalid_request_error"), ""},
		{"deepseek", "gone", c, 400, openAIBody("Model Not Exist", "invalid_request_error", "invalid_request_error"), ""},
		{"deepseek", "in a 200", c, 200, openAIBody("Insufficient Balance", "unknown_error", ""), llm.KindQuota},
		{"deepseek", "in stream", c, 200, "data: " + openAIBody("slow down", "rate_limit_error", "") + "\n\n", llm.KindRateLimit},

		{"openrouter", "rate", c, 429, `{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-min","metadata":{"error_type":"rate_limit_exceeded"}}}`, ""},
		{"openrouter", "quota", c, 402, `{"error":{"code":402,"message":"Insufficient credits. Add more using https://openrouter.ai/settings/credits"}}`, ""},
		{"openrouter", "quota", c, 429, `{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"}}`, ""},
		{"openrouter", "spend", c, 403, `{"error":{"code":403,"message":"Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys"}}`, ""},
		{"openrouter", "overloaded", c, 503, `{"error":{"code":503,"message":"There is no available model provider that meets your routing requirements","metadata":{"error_type":"provider_overloaded"}}}`, ""},
		{"openrouter", "context", c, 400, `{"error":{"code":400,"message":"This endpoint's maximum context length is 200000 tokens. However, you requested about 250000 tokens."}}`, ""},
		{"openrouter", "filter", c, 403, `{"error":{"code":403,"message":"openai/gpt-5.4 requires moderation. Your input was flagged for violence","metadata":{"reasons":["violence"]}}}`, ""},
		{"openrouter", "auth", c, 401, `{"error":{"code":401,"message":"No auth credentials found"}}`, ""},
		{"openrouter", "gone", c, 404, `{"error":{"code":404,"message":"No endpoints found for x/y."}}`, ""},
		{"openrouter", "gone", c, 400, `{"error":{"code":400,"message":"x/y is not a valid model ID"}}`, ""},
		{"openrouter", "in a 200", c, 200, `{"error":{"code":502,"message":"Provider returned error"}}`, llm.KindUpstream},
		{"openrouter", "in stream", c, 200, `data: {"id":"gen-1","error":{"code":429,"message":"Rate limit exceeded"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}` + "\n\n", llm.KindRateLimit},

		{"nvidia", "rate", c, 429, `{"status":429,"title":"Too Many Requests"}`, ""},
		{"nvidia", "quota", c, 402, `{"status":402,"title":"Payment Required","detail":"Account 'a': Cloud credits expired"}`, ""},
		{"nvidia", "overloaded", c, 503, `{"detail":"ResourceExhausted: Worker local total request limit reached (48/48)"}`, ""},
		{"nvidia", "context", c, 400, `{"error":{"message":"This model's maximum context length is 131072 tokens. However, you requested 140000 tokens","type":"BadRequestError","code":400}}`, ""},
		{"nvidia", "auth", c, 401, `{"status":401,"title":"Unauthorized","detail":"Authentication failed"}`, ""},
		{"nvidia", "auth", c, 403, `{"status":403,"title":"Forbidden","detail":"Authorization failed"}`, ""},
		{"nvidia", "gone", c, 404, `{"status":404,"title":"Not Found","detail":"Function 'x': Not found for account 'y'"}`, ""},
		{"nvidia", "gone", c, 410, `{"status":410,"title":"Gone","detail":"The model 'x' has reached its end of life"}`, ""},
		{"nvidia", "in a 200", c, 200, `{"error":{"message":"busy","type":"server_error","code":503}}`, llm.KindOverloaded},
		{"nvidia", "in stream", c, 200, `data: {"error":{"message":"EngineCore encountered an issue","type":"InternalServerError","code":500}}` + "\n\n", llm.KindUpstream},

		{"mistral", "rate", c, 429, `{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}`, ""},
		{"mistral", "rate", c, 429, `{"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","param":null,"code":"3505"}`, ""},
		{"mistral", "quota", c, 402, `{"detail":"Check that your account has an active subscription."}`, ""},
		{"mistral", "spend", c, 402, `{"object":"error","message":"You have reached your monthly spending limit.","type":"payment_required","code":"1400"}`, ""},
		{"mistral", "overloaded", c, 503, `{"object":"error","message":"Service unavailable.","type":"internal_server_error","code":"1000"}`, ""},
		{"mistral", "context", c, 400, `{"object":"error","message":"Prompt contains 65673 tokens, too large for model with 32768 maximum context length","type":"invalid_request_error","code":null}`, ""},
		{"mistral", "auth", c, 401, `{"detail":"Unauthorized"}`, ""},
		{"mistral", "gone", c, 400, `{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500"}`, ""},
		{"mistral", "in a 200", c, 200, `{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}`, llm.KindRateLimit},
		{"mistral", "in stream", c, 200, `data: {"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}` + "\n\n", llm.KindRateLimit},

		{"xai", "rate", r, 429, `{"code":"Some resource has been exhausted","error":"Too many requests for team"}`, ""},
		{"xai", "quota", c, 429, `{"code":"Some resource has been exhausted","error":"Your team T has either used all available credits or reached its monthly spending limit."}`, ""},
		{"xai", "spend", r, 403, `{"code":"x","error":"Your team T has either used all available credits or reached its monthly spending limit."}`, ""},
		{"xai", "overloaded", c, 400, `{"code":"The service is currently unavailable","error":"Service temporarily unavailable."}`, ""},
		{"xai", "context", r, 400, `{"code":"invalid-argument","error":"This model's maximum prompt length is 500000 but the request contains 508279 tokens."}`, ""},
		{"xai", "filter", r, 403, `{"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"}`, ""},
		{"xai", "auth", r, 400, `{"code":"Client specified an invalid argument","error":"Incorrect API key provided: ba***ad. You can obtain an API key from https://console.x.ai."}`, ""},
		{"xai", "gone", r, 404, `{"code":"Some requested entity was not found","error":"The model grok-9 does not exist or your team T does not have access to it."}`, ""},
		{"xai", "in a 200", c, 200, `{"code":"The service is currently unavailable","error":"Service temporarily unavailable."}`, llm.KindOverloaded},
		{"xai", "in a 200", r, 200, `{"code":"The service is currently unavailable","error":"Service temporarily unavailable."}`, llm.KindOverloaded},
		{"xai", "in stream", c, 200, `data: {"code":"The service is currently unavailable","error":"Service temporarily unavailable."}` + "\n\n", llm.KindOverloaded},

		{"groq", "rate", c, 429, openAIBody("Rate limit reached for model x on tokens per minute (TPM): Limit 6000", "tokens", "rate_limit_exceeded"), ""},
		{"groq", "quota", c, 400, openAIBody("Your API access has been blocked.", "invalid_request_error", "blocked_api_access"), ""},
		{"groq", "spend", c, 400, openAIBody("API access is blocked because the organization has reached its spend limit.", "invalid_request_error", "blocked_api_access"), ""},
		{"groq", "overloaded", c, 498, openAIBody("capacity exceeded", "flex", "capacity_exceeded"), ""},
		{"groq", "overloaded", c, 503, openAIBody("x is currently over capacity. Please try again and back off exponentially.", "internal_server_error", ""), ""},
		{"groq", "context", c, 400, openAIBody("Please reduce the length of the messages or completion.", "invalid_request_error", "context_length_exceeded"), ""},
		{"groq", "context", c, 413, openAIBody("Please reduce the length of the messages or completion.", "invalid_request_error", ""), ""},
		{"groq", "auth", c, 401, openAIBody("Invalid API Key", "invalid_request_error", "invalid_api_key"), ""},
		{"groq", "gone", c, 404, openAIBody("The model x does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"), ""},
		{"groq", "gone", c, 400, openAIBody("The model x has been decommissioned and is no longer supported.", "invalid_request_error", "model_decommissioned"), ""},
		{"groq", "in a 200", c, 200, openAIBody("over capacity", "internal_server_error", "rate_limit_exceeded"), llm.KindRateLimit},
		{"groq", "in stream", c, 200, `data: {"choices":[],"x_groq":{"error":{"message":"slow","type":"tokens","code":"rate_limit_exceeded"}}}` + "\n\n", llm.KindRateLimit},

		{"together", "rate", c, 429, openAIBody("You have reached the rate limit specific to this model.", "rate_limit", ""), ""},
		{"together", "quota", c, 402, openAIBody("Credit limit exceeded, please navigate to the billing settings.", "credit_limit", ""), ""},
		{"together", "spend", c, 402, openAIBody("You have reached your monthly spending limit.", "credit_limit", ""), ""},
		{"together", "overloaded", c, 503, openAIBody("The server is overloaded or not ready yet.", "server_error", ""), ""},
		{"together", "context", c, 422, openAIBody("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens", "invalid_request_error", ""), ""},
		{"together", "auth", c, 401, openAIBody("Invalid API key provided.", "invalid_request_error", "invalid_api_key"), ""},
		{"together", "gone", c, 404, openAIBody("Unable to access model x.", "invalid_request_error", "model_not_available"), ""},
		{"together", "gone", c, 400, openAIBody("Unable to access non-serverless model x. Please create a dedicated endpoint.", "invalid_request_error", "model_not_available"), ""},
		{"together", "in a 200", c, 200, openAIBody("slow down", "rate_limit", "rate_limit_exceeded"), llm.KindRateLimit},
		{"together", "in stream", c, 200, "data: " + openAIBody("busy", "server_error", "server_is_overloaded") + "\n\n", llm.KindOverloaded},

		{"moonshot", "rate", c, 429, openAIBody("max RPM: 3", "rate_limit_reached_error", ""), ""},
		{"moonshot", "quota", c, 429, openAIBody("Your account is not active, current state: suspended", "exceeded_current_quota_error", ""), ""},
		{"moonshot", "spend", c, 429, openAIBody("Your account has reached its budget, please check your plan and billing details", "exceeded_current_quota_error", ""), ""},
		{"moonshot", "overloaded", c, 429, openAIBody("The engine is currently overloaded", "engine_overloaded_error", ""), ""},
		{"moonshot", "context", c, 400, openAIBody("Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)", "invalid_request_error", ""), ""},
		{"moonshot", "filter", c, 400, openAIBody("The request was rejected because it was considered high risk", "content_filter", ""), ""},
		{"moonshot", "auth", c, 401, openAIBody("Invalid Authentication", "invalid_authentication_error", ""), ""},
		{"moonshot", "gone", c, 404, openAIBody("Not found the model kimi-k2 or Permission denied", "resource_not_found_error", ""), ""},
		{"moonshot", "in a 200", c, 200, openAIBody("The engine is currently overloaded", "engine_overloaded_error", ""), llm.KindOverloaded},
		{"moonshot", "in stream", c, 200, "data: " + openAIBody("max TPM", "rate_limit_reached_error", "") + "\n\n", llm.KindRateLimit},

		{"dashscope", "rate", c, 429, openAIBody("Requests rate limit exceeded, please try again later.", "limit_requests", "limit_requests"), ""},
		{"dashscope", "rate", c, 429, openAIBody("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"), ""},
		{"dashscope", "quota", c, 403, openAIBody("The free tier of the model has been exhausted.", "AllocationQuota.FreeTierOnly", "AllocationQuota.FreeTierOnly"), ""},
		{"dashscope", "spend", c, 400, openAIBody("Access denied, please make sure your account is in good standing.", "Arrearage", "Arrearage"), ""},
		{"dashscope", "overloaded", c, 503, openAIBody("Model service is unavailable.", "ModelUnavailable", "ModelUnavailable"), ""},
		{"dashscope", "context", c, 400, openAIBody("<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]", "invalid_request_error", "invalid_parameter_error"), ""},
		{"dashscope", "filter", c, 400, openAIBody("Input data may contain inappropriate content.", "data_inspection_failed", "data_inspection_failed"), ""},
		{"dashscope", "auth", c, 401, openAIBody("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"), ""},
		{"dashscope", "gone", c, 404, openAIBody("The model x does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"), ""},
		{"dashscope", "in a 200", c, 200, openAIBody("Access denied", "Arrearage", "Arrearage"), llm.KindQuota},
		{"dashscope", "in stream", c, 200, "data: " + openAIBody("Output data may contain inappropriate content.", "data_inspection_failed", "data_inspection_failed") + "\n\n", llm.KindContentFilter},

		{"ollama", "rate", c, 429, `{"error":"too many concurrent requests"}`, ""},
		{"ollama", "quota", c, 429, `{"error":"you've reached your weekly usage limit, please upgrade to continue"}`, ""},
		{"ollama", "overloaded", c, 503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`, ""},
		{"ollama", "context", c, 400, `{"error":"prompt too long; exceeded max context length by 12 tokens"}`, ""},
		{"ollama", "auth", c, 401, `{"error":"unauthorized"}`, ""},
		{"ollama", "gone", c, 404, `{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error","param":null,"code":null}}`, ""},
		{"ollama", "in a 200", c, 200, `{"error":"prompt too long; exceeded max context length by 12 tokens"}`, llm.KindContextLength},
		{"ollama", "in stream", c, 200, `data: {"error":"llama runner process has terminated"}` + "\n\n", llm.KindUpstream},

		{"openai-compatible", "rate", c, 429, openAIBody("Too many requests", "rate_limit_error", ""), ""},
		{"openai-compatible", "overloaded", c, 503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, ""},
		{"openai-compatible", "context", c, 400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","param":null,"code":400}`, ""},
		{"openai-compatible", "context", c, 400, `{"error":{"code":400,"message":"the request exceeds the available context size. try increasing the context size","type":"exceed_context_size_error"}}`, ""},
		{"openai-compatible", "auth", c, 401, `{"error":"Unauthorized"}`, ""},
		{"openai-compatible", "gone", c, 404, `{"object":"error","message":"The model x does not exist.","type":"NotFoundError","param":null,"code":404}`, ""},
		{"openai-compatible", "in a 200", c, 200, `{"object":"error","message":"busy","type":"rate_limit_error","code":429}`, llm.KindRateLimit},
		{"openai-compatible", "in stream", c, 200, `data: {"error":{"object":"error","message":"Internal server error","type":"InternalServerError","code":500}}` + "\n\n", llm.KindUpstream},
	}
}()

// TestErrorsAreWhatTheVendorMeans: what each type says in words of its own, as a
// refusal, in an answer whose status is 200, and in a stream. Every type has a row
// for each trouble, or a reason why there is none.
func TestErrorsAreWhatTheVendorMeans(t *testing.T) {
	clients := map[llm.Format]wire.Client{llm.FormatChat: chat.Format{}, llm.FormatResponses: responses.Format{}, llm.FormatMessages: messages.Format{}, llm.FormatGemini: gemini.Format{}}
	accounts := map[string]*provider.Account{}
	profiles, err := provider.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[2]string]bool{}
	for _, p := range profiles {
		a, err := provider.NewAccount(provider.Options{Name: "p", Profile: p, BaseURL: "http://127.0.0.1:1/v1", Keys: []string{"k"}, Settings: map[string]string{"project": "p", "region": "r"}})
		if err != nil {
			t.Fatalf("%s: %v", p.Type, err)
		}
		defer a.Close()
		accounts[p.Type] = a
	}
	for _, c := range refusals {
		a, want := accounts[c.typ], c.kind
		if want == "" {
			want = troubles[c.trouble]
		}
		seen[[2]string{c.typ, c.trouble}] = true
		var e *llm.Error
		switch {
		case c.status != http.StatusOK:
			e = a.Judge(clients[c.format].DecodeError(c.status, nil, []byte(c.body)), nil)
		case c.trouble == "in stream":
			_, err := llm.Collect(clients[c.format].DecodeStream(strings.NewReader(c.body), wire.Target{}))
			if !errors.As(err, &e) {
				t.Errorf("%s %s: %v", c.typ, c.body, err)
				continue
			}
			e = a.Judge(e, nil)
		default:
			_, err := clients[c.format].DecodeAnswer([]byte(c.body), wire.Target{})
			if !errors.As(err, &e) {
				t.Errorf("%s %s: %v", c.typ, c.body, err)
				continue
			}
			e = a.Judge(e, nil)
		}
		if e.Kind != want || e.Message == "" || want == llm.KindQuota && e.RetryAfter != 0 {
			t.Errorf("%s %s (%d %s): %s, want %s: %q, after %s", c.typ, c.trouble, c.status, c.body, e.Kind, want, e.Message, e.RetryAfter)
		}
	}
	for _, p := range profiles {
		for trouble := range troubles {
			if why := silent[p.Type][trouble]; (why == "") != seen[[2]string{p.Type, trouble}] {
				t.Errorf("%s: %s: seen %t, and yet: %q", p.Type, trouble, seen[[2]string{p.Type, trouble}], why)
			}
		}
	}
}

// Fields that a format refuses are the request's fault with every vendor.
func TestAFieldThatIsRefusedIsTheRequestsFault(t *testing.T) {
	e := keyed(t, "mistral", "", nil).Judge(chat.Format{}.DecodeError(422, nil, []byte(`{"detail":[{"type":"extra_forbidden","loc":["body","store"],"msg":"Extra inputs are not permitted"}]}`)), nil)
	if e.Kind != llm.KindBadRequest || !strings.Contains(e.Message, "body.store") {
		t.Errorf("%+v", e)
	}
}
