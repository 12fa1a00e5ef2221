// The openai-go package against the gateway. Built twice: with the newest version (go.mod), and with one whose reader of
// streams takes an empty event for broken JSON (old.mod).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"clients/try"
)

// Set when it is built: -ldflags "-X main.client=NAME".
var client string

var ctx = context.Background()
var api = openai.NewClient(option.WithBaseURL(try.URL+"/v1"), option.WithAPIKey(try.Key), option.WithMaxRetries(0))

func asked(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    try.Model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)},
	}
}

func withTool(text string) openai.ChatCompletionNewParams {
	p := asked(text)
	p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
		Name:       "get_weather",
		Parameters: openai.FunctionParameters{"type": "object", "properties": try.Properties, "required": []string{"city"}},
	})}
	return p
}

// The whole of a stream, by the package's own accumulator.
func streamed(p openai.ChatCompletionNewParams) (openai.ChatCompletion, error) {
	stream := api.Chat.Completions.NewStreaming(ctx, p)
	sum := openai.ChatCompletionAccumulator{}
	for stream.Next() {
		if !sum.AddChunk(stream.Current()) {
			return sum.ChatCompletion, errors.New("a chunk does not fit those before it")
		}
	}
	if err := stream.Err(); err != nil {
		return sum.ChatCompletion, err
	}
	if len(sum.Choices) != 1 {
		return sum.ChatCompletion, fmt.Errorf("%d choices", len(sum.Choices))
	}
	return sum.ChatCompletion, nil
}

func assistant() error {
	p := asked("Repeat the system")
	p.Model = try.Assistant
	r, err := streamed(p)
	if err != nil {
		return err
	}
	return try.Same(r.Choices[0].Message.Content, try.Instructions)
}

func chat() error {
	r, err := api.Chat.Completions.New(ctx, asked("Say hello"))
	if err != nil {
		return err
	}
	return try.First(try.Same(r.Choices[0].Message.Content, try.Hello), try.Same(r.Choices[0].FinishReason, "stop"),
		try.Same(r.Usage.TotalTokens, int64(18)))
}

func stream() error {
	p := asked("Say hello")
	p.StreamOptions.IncludeUsage = openai.Bool(true)
	r, err := streamed(p)
	if err != nil {
		return err
	}
	return try.First(try.Same(r.Choices[0].Message.Content, try.Hello), try.Same(r.Usage.CompletionTokens, int64(7)))
}

func silence() error {
	r, err := streamed(asked("Wait"))
	if err != nil {
		return err
	}
	return try.Same(r.Choices[0].Message.Content, "That took a while.")
}

func responseSilence() error {
	stream := api.Responses.NewStreaming(ctx, responses.ResponseNewParams{
		Model: try.Model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("Wait")}})
	text := ""
	for stream.Next() {
		if e := stream.Current(); e.Type == "response.output_text.delta" {
			text += e.Delta
		}
	}
	return try.First(stream.Err(), try.Same(text, "That took a while."))
}

func tools() error {
	p := withTool("Weather in Paris and Rome")
	r, err := streamed(p)
	if err != nil {
		return err
	}
	m := r.Choices[0].Message
	if len(m.ToolCalls) != 2 || r.Choices[0].FinishReason != "tool_calls" {
		return fmt.Errorf("%d calls, %s", len(m.ToolCalls), r.Choices[0].FinishReason)
	}
	p.Messages = append(p.Messages, m.ToParam())
	for i, text := range []string{"rain", "sun"} {
		var args map[string]string
		if err := json.Unmarshal([]byte(m.ToolCalls[i].Function.Arguments), &args); err != nil {
			return err
		}
		if err := try.Same(args["note"], try.Note); err != nil {
			return err
		}
		p.Messages = append(p.Messages, openai.ToolMessage(text, m.ToolCalls[i].ID))
	}
	back, err := api.Chat.Completions.New(ctx, p)
	if err != nil {
		return err
	}
	return try.Same(back.Choices[0].Message.Content, "It is rain and sun.")
}

func cut() error {
	r, err := streamed(asked("Cut"))
	if err != nil {
		return err
	}
	return try.Same(r.Choices[0].FinishReason, "length")
}

func continued() error {
	tools := []responses.ToolUnionParam{responses.ToolParamOfFunction("get_weather",
		map[string]any{"type": "object", "properties": try.Properties}, false)}
	r, err := api.Responses.New(ctx, responses.ResponseNewParams{Model: try.Model, Tools: tools,
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("Weather in Paris")}})
	if err != nil {
		return err
	}
	id := ""
	for _, item := range r.Output {
		if item.Type == "function_call" {
			id = item.CallID
		}
	}
	result := responses.ResponseInputItemUnionParam{OfFunctionCallOutput: &responses.ResponseInputItemFunctionCallOutputParam{}}
	result.OfFunctionCallOutput.SetExtraFields(map[string]any{"call_id": id, "output": "rain"})
	back, err := api.Responses.New(ctx, responses.ResponseNewParams{Model: try.Model, Tools: tools,
		PreviousResponseID: openai.String(r.ID),
		Input:              responses.ResponseNewParamsInputUnion{OfInputItemList: responses.ResponseInputParam{result}}})
	if err != nil {
		return err
	}
	return try.Same(back.OutputText(), "It is rain.")
}

func embeddings() error {
	r, err := api.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: try.Embedding,
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "b"}}})
	if err != nil {
		return err
	}
	return try.First(try.Same(len(r.Data), 2), try.Same(len(r.Data[0].Embedding), 8))
}

func limited() error {
	_, err := api.Chat.Completions.New(ctx, asked("Fail 429"))
	var e *openai.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("it did not fail as it should: %w", err)
	}
	return try.First(try.Same(e.StatusCode, 429), try.Same(e.Response.Header.Get("Retry-After"), "90"))
}

func broken() error {
	if _, err := streamed(asked("Break")); err == nil {
		return errors.New("it did not fail")
	}
	return nil
}

func unknown() error {
	p := asked("Hi")
	p.Model = "no-such-model"
	_, err := api.Chat.Completions.New(ctx, p)
	var e *openai.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("it did not fail as it should: %w", err)
	}
	return try.First(try.Same(e.StatusCode, 404), try.Same(e.Code, "model_not_found"))
}

func status(err error) (int, string) {
	var e *openai.Error
	if errors.As(err, &e) {
		return e.StatusCode, e.Message
	}
	return 0, ""
}

func main() {
	try.All(client, []try.Feature{
		{"chat", chat}, {"stream with usage", stream}, {"heartbeats in a stream", silence},
		{"heartbeats in a streamed response", responseSilence},
		{"tools, two at once, streamed, and back", tools}, {"an assistant as a model", assistant},
		{"cut by the limit", cut},
		{"responses, gone on from by id", continued}, {"embeddings", embeddings},
		{"error: rate limit with its time", limited}, {"error in the stream", broken}, {"error: unknown model", unknown},
	}, status)
}
