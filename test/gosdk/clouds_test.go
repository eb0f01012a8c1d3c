package gosdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/auth/bearer"
	"github.com/go-json-experiment/json"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
	"google.golang.org/genai"
)

// The simulated clouds are called by the clouds' own SDKs, without the gateway
// between them: what these sign, send and understand is what the simulator must
// ask for and answer, so that it can stand for them in the gateway's tests.

// identity is who calls Bedrock at an address.
type identity func(o *bedrockruntime.Options)

// bedrock calls the simulated Bedrock as somebody.
func bedrock(sim string, who identity) *bedrockruntime.Client {
	return bedrockruntime.New(bedrockruntime.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(sim + "/bedrock"), Retryer: aws.NopRetryer{},
	}, who)
}

// signing signs requests by a key.
func signing(id, secret, session string) identity {
	return func(o *bedrockruntime.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: session}, nil
		})
	}
}

// bearing shows a key, which the SDK does over TLS alone.
func bearing(t *testing.T, sim, key string) identity {
	to, err := url.Parse(sim)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(to))
	t.Cleanup(front.Close)
	return func(o *bedrockruntime.Options) {
		o.BaseEndpoint, o.HTTPClient = aws.String(front.URL+"/bedrock"), front.Client()
		o.BearerAuthTokenProvider = bearer.StaticTokenProvider{Token: bearer.Token{Value: key}}
		o.AuthSchemePreference = []string{"httpBearerAuth"}
	}
}

// ada is somebody whom the simulated Bedrock knows.
var ada = signing("AKIAEXAMPLE", "secret-of-AKIAEXAMPLE", "")

const bedrockClaude = "us.anthropic.claude-sonnet-4-5-"

// claudeBody is a request in the words of Bedrock's Claude.
const claudeBody = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":400,"messages":[{"role":"user","content":"` + question + `"}]}`

// invoked is what is looked at of an answer of Claude's, or of an event of one.
type invoked struct {
	Type       string `json:"type"`
	StopReason string `json:"stop_reason"`
	Content    []struct {
		Text string `json:"text"`
	} `json:"content"`
	Delta struct {
		Text string `json:"text"`
	} `json:"delta"`
}

// operation has a model answer by one of Bedrock's operations. What came before an
// error is returned with it.
type operation func(ctx context.Context, c *bedrockruntime.Client, model string) (text string, err error)

var operations = map[string]operation{
	"InvokeModel": invoke, "InvokeModelWithResponseStream": invokeStream, "Converse": converse, "ConverseStream": converseStream,
}

// asked is the question in the words of Converse.
var asked = []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: question}}}}

func converse(ctx context.Context, c *bedrockruntime.Client, model string) (string, error) {
	out, err := c.Converse(ctx, &bedrockruntime.ConverseInput{ModelId: &model, Messages: asked})
	if err != nil {
		return "", err
	}
	said, ok := out.Output.(*types.ConverseOutputMemberMessage)
	if !ok || len(said.Value.Content) != 1 || said.Value.Role != types.ConversationRoleAssistant || out.StopReason != types.StopReasonEndTurn {
		return "", fmt.Errorf("not a whole answer: %+v, ended by %q", out.Output, out.StopReason)
	}
	text, ok := said.Value.Content[0].(*types.ContentBlockMemberText)
	if !ok {
		return "", fmt.Errorf("answered with %T", said.Value.Content[0])
	}
	return text.Value, counted(out.Usage)
}

// counted checks that the parts of a usage are its total.
func counted(u *types.TokenUsage) error {
	if u == nil || *u.InputTokens <= 0 || *u.OutputTokens <= 0 || *u.InputTokens+*u.OutputTokens != *u.TotalTokens {
		return fmt.Errorf("used %+v", u)
	}
	return nil
}

func converseStream(ctx context.Context, c *bedrockruntime.Client, model string) (text string, err error) {
	out, err := c.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{ModelId: &model, Messages: asked})
	if err != nil {
		return "", err
	}
	s := out.GetStream()
	defer s.Close()
	var usage *types.TokenUsage
	var stop types.StopReason
	for e := range s.Events() {
		switch e := e.(type) {
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			piece, ok := e.Value.Delta.(*types.ContentBlockDeltaMemberText)
			if !ok {
				return text, fmt.Errorf("a piece of %T", e.Value.Delta)
			}
			text += piece.Value
		case *types.ConverseStreamOutputMemberMessageStop:
			stop = e.Value.StopReason
		case *types.ConverseStreamOutputMemberMetadata:
			usage = e.Value.Usage
		case *types.ConverseStreamOutputMemberMessageStart, *types.ConverseStreamOutputMemberContentBlockStop:
		default:
			return text, fmt.Errorf("event %T", e)
		}
	}
	if s.Err() != nil {
		return text, s.Err()
	}
	if stop != types.StopReasonEndTurn {
		return text, fmt.Errorf("ended by %q", stop)
	}
	return text, counted(usage)
}

func invoke(ctx context.Context, c *bedrockruntime.Client, model string) (string, error) {
	out, err := c.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{ModelId: &model, Body: []byte(claudeBody), ContentType: aws.String("application/json")})
	if err != nil {
		return "", err
	}
	var a invoked
	if err := json.Unmarshal(out.Body, &a); err != nil {
		return "", err
	}
	if len(a.Content) != 1 || a.StopReason != "end_turn" {
		return "", fmt.Errorf("not a whole answer: %s", out.Body)
	}
	return a.Content[0].Text, nil
}

func invokeStream(ctx context.Context, c *bedrockruntime.Client, model string) (text string, err error) {
	out, err := c.InvokeModelWithResponseStream(ctx, &bedrockruntime.InvokeModelWithResponseStreamInput{ModelId: &model, Body: []byte(claudeBody), ContentType: aws.String("application/json")})
	if err != nil {
		return "", err
	}
	s := out.GetStream()
	defer s.Close()
	var last invoked
	for e := range s.Events() {
		chunk, ok := e.(*types.ResponseStreamMemberChunk)
		if !ok {
			return text, fmt.Errorf("event %T", e)
		}
		last = invoked{}
		if err := json.Unmarshal(chunk.Value.Bytes, &last); err != nil {
			return text, err
		}
		text += last.Delta.Text
	}
	return text, s.Err()
}

func TestBedrocksSDKCallsTheSimulator(t *testing.T) {
	t.Parallel()
	// An answer that begins at once can meet the SDK before it has done with the body
	// that it sent, and then breaks off.
	const script = "sim-l30-n3"
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	for name, who := range map[string]identity{
		"access key":    ada,
		"session token": signing("ASIAEXAMPLE", "secret-of-ASIAEXAMPLE", "session-of-ASIAEXAMPLE"),
		"API key":       bearing(t, sim, "k"),
	} {
		for operation, call := range operations {
			// The signs of all but the first are escaped in the path, and again in what is signed.
			for _, model := range []string{
				bedrockClaude + script, "anthropic.claude-haiku-4-5-" + script + "-v1:0",
				"arn:aws:bedrock:us-east-1:123456789012:inference-profile/" + bedrockClaude + script,
			} {
				if text, err := call(t.Context(), bedrock(sim, who), model); err != nil || len(text) <= 44 || len(text) > 48 {
					t.Errorf("%s, %s, %s: %v: %q, want three pieces of 16", name, operation, model, err, text)
				}
			}
		}
	}
}

// wantAPIError fails unless err is of a type that the SDK has for it, with a code.
func wantAPIError[T error](t *testing.T, err error, code string) {
	t.Helper()
	var typed T
	var api smithy.APIError
	if !errors.As(err, &typed) || !errors.As(err, &api) || api.ErrorCode() != code || api.ErrorMessage() == "" {
		t.Errorf("raised %T, want %T of the code %s: %v", err, typed, code, err)
	}
}

func TestBedrocksSDKReadsTheSimulatorsErrors(t *testing.T) {
	t.Parallel()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	for operation, call := range operations {
		ask := func(as func(*bedrockruntime.Options), model string) error {
			text, err := call(t.Context(), bedrock(sim, as), model)
			if err == nil {
				t.Errorf("%s answered %q", operation, text)
			}
			return err
		}
		wantAPIError[*types.ValidationException](t, ask(ada, bedrockClaude+"sim-e400"), "ValidationException")
		wantAPIError[*types.ValidationException](t, ask(ada, "anthropic.no-such-model"), "ValidationException")
		wantAPIError[*types.ResourceNotFoundException](t, ask(ada, bedrockClaude+"sim-e404"), "ResourceNotFoundException")
		wantAPIError[*types.AccessDeniedException](t, ask(ada, bedrockClaude+"sim-e403"), "AccessDeniedException")
		wantAPIError[*types.ThrottlingException](t, ask(ada, bedrockClaude+"sim-e429"), "ThrottlingException")
		wantAPIError[*types.InternalServerException](t, ask(ada, bedrockClaude+"sim-e500"), "InternalServerException")
		wantAPIError[*types.ServiceUnavailableException](t, ask(ada, bedrockClaude+"sim-e503"), "ServiceUnavailableException")
		wantAPIError[*smithy.GenericAPIError](t, ask(signing("AKIAEXAMPLE", "another-secret", ""), bedrockClaude+"sim"), "InvalidSignatureException")
		wantAPIError[*smithy.GenericAPIError](t, ask(signing("ASIAEXAMPLE", "secret-of-ASIAEXAMPLE", "another-session"), bedrockClaude+"sim"), "UnrecognizedClientException")
	}
}

// TestBedrocksSDKReadsBrokenStreams has streams end by exceptions. The SDK takes an
// orderly end for a whole stream, so none is tried.
func TestBedrocksSDKReadsBrokenStreams(t *testing.T) {
	t.Parallel()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	for _, operation := range []string{"InvokeModelWithResponseStream", "ConverseStream"} {
		ask := func(script string) error {
			text, err := operations[operation](t.Context(), bedrock(sim, ada), bedrockClaude+script)
			if err == nil || text == "" {
				t.Errorf("%s, %s: %v after %q", operation, script, err, text)
			}
			return err
		}
		failed := ask("sim-l30-n9-err3")
		if operation == "ConverseStream" { // which has a name of its own for it
			wantAPIError[*types.ModelStreamErrorException](t, failed, "ModelStreamErrorException")
		} else {
			wantAPIError[*types.InternalServerException](t, failed, "InternalServerException")
		}
		wantAPIError[*types.ServiceUnavailableException](t, ask("sim-l30-n9-e529-err3"), "ServiceUnavailableException")
		if err := ask("sim-l30-n9-cut3"); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s raised %T: %v", operation, err, err)
		}
	}
}

// TestAzuresSDKCallsTheSimulator asks in both formats, by the options that OpenAI's
// SDK has for Azure.
func TestAzuresSDKCallsTheSimulator(t *testing.T) {
	t.Parallel()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dial := func(key string) openaiClient {
		return openaiClient{openai.NewClient(
			azure.WithEndpoint(sim+"/azure", "2024-10-21"), azure.WithAPIKey(key), azure.WithUnsafeAllowHTTP(), option.WithMaxRetries(0),
		)}
	}
	clients := map[string]func(key string) client{
		"chat":      func(key string) client { return chatClient{dial(key)} },
		"responses": func(key string) client { return responsesClient{dial(key)} },
	}
	for name, as := range clients {
		for _, stream := range []bool{false, true} {
			heard := ""
			q := ask{model: "gpt-5.4-sim-n3", user: question, stream: stream, heard: func(piece string) { heard += piece }}
			a, err := run(t.Context(), as("k"), q)
			if err != nil || a.finish != stopped || len(a.text) <= 44 || heard != a.text {
				t.Errorf("%s, streamed %v: %v, heard %q of %+v", name, stream, err, heard, a)
			}
			for script, status := range map[string]int{"gpt-5.4-sim-e429": http.StatusTooManyRequests, "gpt-5.4-sim-e500": http.StatusInternalServerError} {
				q.model = script
				_, err = run(t.Context(), as("k"), q)
				if got, _, ok := raisedByOpenAI(err); !ok || got != status {
					t.Errorf("%s, streamed %v, %s: raised %T: %v", name, stream, script, err, err)
				}
			}
			_, err = run(t.Context(), as("bad-key"), q)
			if got, kind, ok := raisedByOpenAI(err); !ok || got != http.StatusUnauthorized || !strings.HasSuffix(kind, "401") {
				t.Errorf("%s, streamed %v: raised %T of the kind %q: %v", name, stream, err, kind, err)
			}
		}
	}
}

// TestVertexSDKCallsTheSimulator has Google's SDK call the simulated Vertex by an
// API key, which is how it is called without a project.
func TestVertexSDKCallsTheSimulator(t *testing.T) {
	t.Parallel()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	c, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		Backend: genai.BackendVertexAI, APIKey: "k", HTTPOptions: genai.HTTPOptions{BaseURL: sim + "/vertex", APIVersion: "v1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []bool{false, true} {
		var ran []map[string]any
		a, err := run(t.Context(), googleClient{c}, ask{
			model: "gemini-3-pro-sim-think-tools2-par2", user: question, tools: weather(&ran),
			think: true, stream: stream, heard: func(string) {},
		})
		if err != nil || a.finish != stopped || a.text == "" || !slices.Equal([]int{len(a.steps), len(ran)}, []int{2, 4}) {
			t.Errorf("streamed %v: %v, %+v", stream, err, a)
		}
		_, err = run(t.Context(), googleClient{c}, ask{model: "gemini-3-pro-sim-e429", user: question, stream: stream, heard: func(string) {}})
		if status, kind, ok := googleGemini.raised(err); !ok || status != http.StatusTooManyRequests || kind != googleGemini.kinds["limited"] {
			t.Errorf("streamed %v: raised %T: %v", stream, err, err)
		}
	}
}
