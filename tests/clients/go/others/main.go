// The packages of Anthropic and Ollama for Go against the gateway.
package main

import (
	"context"

	"clients/try"
)

var ctx = context.Background()

func main() {
	try.All("Anthropic for Go", anthropicFeatures, anthropicStatus)
	try.All("Ollama for Go", ollamaFeatures, ollamaStatus)
}
