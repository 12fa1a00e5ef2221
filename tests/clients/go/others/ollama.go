package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ollama/ollama/api"

	"clients/try"
)

// The package knows no keys but those of its own cloud.
type withKey struct{}

func (withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+try.Key)
	return http.DefaultTransport.RoundTrip(r)
}

var llama = func() *api.Client {
	base, err := url.Parse(try.URL + "/ollama")
	if err != nil {
		panic(err)
	}
	return api.NewClient(base, &http.Client{Transport: withKey{}})
}()

var ollamaFeatures = []try.Feature{
	{"version, list, show", list}, {"chat, streamed", talk}, {"generate", generate}, {"tools and back", callTools},
	{"an assistant as a model", talkToAssistant},
	{"cut by num_predict", talkCut}, {"embed", embed}, {"error in the stream", talkBroken}, {"error: unknown model", noModel},
}

func chatOf(text string) *api.ChatRequest {
	return &api.ChatRequest{Model: try.Model, Messages: []api.Message{{Role: "user", Content: text}}}
}

// The whole of a stream: the text, the calls, and why it ended.
func say(p *api.ChatRequest) (m api.Message, reason string, err error) {
	err = llama.Chat(ctx, p, func(r api.ChatResponse) error {
		m.Role = r.Message.Role
		m.Content += r.Message.Content
		m.ToolCalls = append(m.ToolCalls, r.Message.ToolCalls...)
		if r.Done {
			reason = r.DoneReason
		}
		return nil
	})
	return m, reason, err
}

func talkToAssistant() error {
	p := chatOf("Repeat the system")
	p.Model = try.Assistant
	m, _, err := say(p)
	return try.First(err, try.Same(m.Content, try.Instructions))
}

func list() error {
	version, err := llama.Version(ctx)
	if err != nil {
		return err
	}
	models, err := llama.List(ctx)
	if err != nil {
		return err
	}
	show, err := llama.Show(ctx, &api.ShowRequest{Model: try.Model})
	if err != nil {
		return err
	}
	if version == "" || len(models.Models) == 0 || len(show.Capabilities) == 0 {
		return fmt.Errorf("version %q, %d models, capabilities %v", version, len(models.Models), show.Capabilities)
	}
	return nil
}

func talk() error {
	m, reason, err := say(chatOf("Say hello"))
	return try.First(err, try.Same(m.Content, try.Hello), try.Same(reason, "stop"))
}

func generate() error {
	text := ""
	err := llama.Generate(ctx, &api.GenerateRequest{Model: try.Model, Prompt: "Say hello"},
		func(r api.GenerateResponse) error { text += r.Response; return nil })
	return try.First(err, try.Same(text, try.Hello))
}

func callTools() error {
	p := chatOf("Weather in Paris and Rome")
	var tool api.Tool
	text, _ := json.Marshal(map[string]any{"type": "function", "function": map[string]any{"name": "get_weather",
		"parameters": map[string]any{"type": "object", "properties": try.Properties}}})
	if err := json.Unmarshal(text, &tool); err != nil {
		return err
	}
	p.Tools = api.Tools{tool}
	m, _, err := say(p)
	if err != nil {
		return err
	}
	if len(m.ToolCalls) != 2 {
		return fmt.Errorf("%d calls", len(m.ToolCalls))
	}
	note, _ := m.ToolCalls[1].Function.Arguments.Get("note")
	if err := try.Same(note, any(try.Note)); err != nil {
		return err
	}
	p.Messages = append(p.Messages, m)
	for i, result := range []string{"rain", "sun"} {
		p.Messages = append(p.Messages,
			api.Message{Role: "tool", Content: result, ToolName: "get_weather", ToolCallID: m.ToolCalls[i].ID})
	}
	back, _, err := say(p)
	return try.First(err, try.Same(back.Content, "It is rain and sun."))
}

func talkCut() error {
	_, reason, err := say(chatOf("Cut"))
	return try.First(err, try.Same(reason, "length"))
}

func embed() error {
	r, err := llama.Embed(ctx, &api.EmbedRequest{Model: try.Embedding, Input: []string{"a", "b"}})
	if err != nil {
		return err
	}
	return try.First(try.Same(len(r.Embeddings), 2), try.Same(len(r.Embeddings[0]), 8))
}

func talkBroken() error {
	if _, _, err := say(chatOf("Break")); err == nil {
		return errors.New("it did not fail")
	}
	return nil
}

func noModel() error {
	p := chatOf("Hi")
	p.Model = "no-such-model"
	_, _, err := say(p)
	code, _ := ollamaStatus(err)
	return try.Same(code, 404)
}

func ollamaStatus(err error) (int, string) {
	var e api.StatusError
	if errors.As(err, &e) {
		return e.StatusCode, e.ErrorMessage
	}
	return 0, ""
}
