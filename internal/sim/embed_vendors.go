package sim

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

// embedWays are how a vendor's embeddings differ from OpenAI's.
type embedWays struct {
	none   bool   // it has none
	fields fields // the parameters of a request, and no others; nil: OpenAI's
	length string // what "dimensions" is called
	most   int    // inputs of a request; 0 is as many as at OpenAI
	texts  bool   // tokens are no input
	silent bool   // doesn't count
	// asks are the models that must be told what the vectors are for.
	asks *regexp.Regexp
}

var length = count(1, math.MaxInt32)

var (
	openAIEmbed = fields{"model": anyText, "input": nil, "dimensions": length, "user": anyText, "encoding_format": oneOf("float", "base64")}

	azureEmbed = fields{"model": anyText, "input": nil, "dimensions": length, "user": anyText, "encoding_format": oneOf("float", "base64"), "input_type": anyText}

	nvidiaEmbed = embedWays{
		fields: fields{
			"model": anyText, "input": nil, "dimensions": length, "user": anyText, "encoding_format": oneOf("float", "base64"),
			"input_type": oneOf("query", "passage"), "truncate": oneOf("NONE", "START", "END"),
		},
		texts: true, asks: regexp.MustCompile(`^nvidia/`),
	}

	mistralEmbed = embedWays{
		fields: fields{
			"model": anyText, "input": nil, "output_dimension": length, "output_dtype": oneOf("float", "int8", "uint8", "binary", "ubinary"),
			"encoding_format": oneOf("float", "base64"), "metadata": anyObject,
		},
		length: "output_dimension", texts: true,
	}

	groqEmbed = embedWays{fields: fields{"model": anyText, "input": nil, "user": anyText, "encoding_format": oneOf("float", "base64")}}

	togetherEmbed = embedWays{fields: fields{"model": anyText, "input": nil}, texts: true, silent: true}

	dashscopeEmbed = embedWays{
		fields: fields{"model": anyText, "input": nil, "dimensions": length, "encoding_format": oneOf("float")}, texts: true, most: 10,
	}
)

// predictVertex answers models/NAME:predict for models that embed.
func (x *exchange) predictVertex() {
	x.embedding(func(root node) []embedInput {
		root.obey(fields{"instances": anyList, "parameters": shape(fields{"outputDimensionality": length, "autoTruncate": anyFlag})})
		if newVertexEmbeds(x.model) {
			root.fail("", "Model %s does not support predict: use embedContent.", x.model)
		}
		list := root.field("instances").need()
		var inputs []embedInput
		for _, n := range list.items() {
			// An instance is any value: its members have one spelling.
			for name := range n.object() {
				if !slices.Contains([]string{"content", "task_type", "title", "mimeType"}, name) {
					n.fail("", "Invalid instance: unknown member %q.", name)
				}
			}
			task := n.field("task_type")
			task.among(tasks...)
			x.titled(n, task)
			text := n.field("content").need().text()
			inputs = append(inputs, embedInput{text: text, size: tokens(len(text)), dims: root.field("parameters").field("outputDimensionality").integer()})
		}
		if n := len(inputs); n == 0 || n > mostInstances {
			list.fail("", "%d instance(s) is not allowed. Min allowed: 1, max allowed: %d.", n, mostInstances)
		}
		return inputs
	}, func(inputs []embedInput) any {
		list := make([]any, len(inputs))
		for i, in := range inputs {
			e := map[string]any{"values": x.vector(in)}
			if !x.script.noUsage {
				e["statistics"] = map[string]any{"token_count": in.size, "truncated": false}
			}
			list[i] = map[string]any{"embeddings": e}
		}
		return map[string]any{"predictions": list, "metadata": map[string]any{"billableCharacterCount": len(x.body)}}
	})
}

// mostInstances are those of one request for predictions.
const mostInstances = 250

// embedVertex answers models/NAME:embedContent, where what is wanted stands apart.
func (x *exchange) embedVertex() {
	x.embedding(func(root node) []embedInput {
		root.obey(fields{
			"content": shape(fields{"parts": anyList, "role": anyText}),
			"embedContentConfig": shape(fields{
				"taskType": oneOf(tasks...), "title": anyText, "outputDimensionality": length, "autoTruncate": anyFlag,
			}),
		})
		if !newVertexEmbeds(x.model) {
			root.fail("", "Model %s does not support embedContent: use predict.", x.model)
		}
		config := root.field("embedContentConfig")
		x.titled(config, config.field("taskType"))
		in := geminiText(root.field("content"))
		in.dims = config.field("outputDimensionality").integer()
		return []embedInput{in}
	}, func(inputs []embedInput) any {
		return x.geminiUsed(inputs, map[string]any{"embedding": map[string]any{"values": x.vector(inputs[0])}, "truncated": false})
	})
}

// newVertexEmbeds says whether a model is one of those that embedContent is for.
func newVertexEmbeds(model string) bool {
	return strings.Contains(model, "gemini") && model != "gemini-embedding-001" || strings.Contains(model, "maas")
}
