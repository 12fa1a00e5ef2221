package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"

	"clients/try"
)

var claude = anthropic.NewClient(option.WithBaseURL(try.URL), option.WithAuthToken(try.Key), option.WithMaxRetries(0))

var anthropicFeatures = []try.Feature{
	{"message", message}, {"stream", messageStream}, {"heartbeats in a stream", messageSilence},
	{"tools, two at once, streamed, and back", messageTools},
	{"an assistant as a model", messageOfAssistant},
	{"cut by the limit", messageCut}, {"counting tokens", count}, {"error: rate limit with its time", messageLimited},
	{"error in the stream", messageBroken},
}

func anthropicAsked(text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: try.Model, MaxTokens: 100,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))},
	}
}

// The whole of a stream, by the package's own accumulator.
func whole(p anthropic.MessageNewParams) (anthropic.Message, error) {
	stream := claude.Messages.NewStreaming(ctx, p)
	var m anthropic.Message
	for stream.Next() {
		if err := m.Accumulate(stream.Current()); err != nil {
			return m, err
		}
	}
	return m, stream.Err()
}

func textOf(m anthropic.Message) string {
	text := ""
	for _, block := range m.Content {
		text += block.Text
	}
	return text
}

func message() error {
	m, err := claude.Messages.New(ctx, anthropicAsked("Say hello"))
	if err != nil {
		return err
	}
	return try.First(try.Same(textOf(*m), try.Hello), try.Same(string(m.StopReason), "end_turn"))
}

func messageOfAssistant() error {
	p := anthropicAsked("Repeat the system")
	p.Model = anthropic.Model(try.Assistant)
	m, err := whole(p)
	return try.First(err, try.Same(textOf(m), try.Instructions))
}

func messageStream() error {
	m, err := whole(anthropicAsked("Say hello"))
	return try.First(err, try.Same(textOf(m), try.Hello))
}

func messageSilence() error {
	m, err := whole(anthropicAsked("Wait"))
	return try.First(err, try.Same(textOf(m), "That took a while."))
}

func messageTools() error {
	p := anthropicAsked("Weather in Paris and Rome")
	p.Tools = []anthropic.ToolUnionParam{
		anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{Properties: try.Properties}, "get_weather")}
	m, err := whole(p)
	if err != nil {
		return err
	}
	results := []anthropic.ContentBlockParamUnion{}
	texts := []string{"rain", "sun"}
	for _, block := range m.Content {
		if block.Type != "tool_use" {
			continue
		}
		var input map[string]string
		if err := json.Unmarshal(block.Input, &input); err != nil {
			return err
		}
		if err := try.Same(input["note"], try.Note); err != nil {
			return err
		}
		results = append(results, anthropic.NewToolResultBlock(block.ID, texts[len(results)%2], false))
	}
	if len(results) != 2 {
		return fmt.Errorf("%d calls", len(results))
	}
	p.Messages = append(p.Messages, m.ToParam(), anthropic.NewUserMessage(results...))
	back, err := claude.Messages.New(ctx, p)
	if err != nil {
		return err
	}
	return try.Same(textOf(*back), "It is rain and sun.")
}

func messageCut() error {
	m, err := whole(anthropicAsked("Cut"))
	return try.First(err, try.Same(string(m.StopReason), "max_tokens"))
}

func count() error {
	p := anthropicAsked("Say hello")
	r, err := claude.Messages.CountTokens(ctx, anthropic.MessageCountTokensParams{Model: p.Model, Messages: p.Messages})
	if err != nil {
		return err
	}
	return try.Same(r.InputTokens > 0, true)
}

func messageLimited() error {
	_, err := claude.Messages.New(ctx, anthropicAsked("Fail 429"))
	var e *anthropic.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("it did not fail as it should: %w", err)
	}
	return try.First(try.Same(e.StatusCode, 429), try.Same(e.Response.Header.Get("Retry-After"), "90"))
}

func messageBroken() error {
	if _, err := whole(anthropicAsked("Break")); err == nil {
		return errors.New("it did not fail")
	}
	return nil
}

func anthropicStatus(err error) (int, string) {
	var e *anthropic.Error
	if errors.As(err, &e) {
		return e.StatusCode, e.Error()
	}
	return 0, ""
}
