// Package try runs the features of a client and prints a line of JSON for each, as run.mjs reads them:
// {"client", "feature", "outcome": "yes" or "no" or "refused", "status", "message"}.
package try

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
)

// What every program here is called with: URL KEY DIALECT MODEL EMBEDDING.
var URL, Key, Model, Embedding = os.Args[1], os.Args[2], os.Args[4], os.Args[5]

// Which run.mjs has made for this dialect, and what it is told.
var Assistant, Instructions = "assistant/helper-" + os.Args[3], "Help kindly"

// What the scripted provider says (scenes.mjs).
const (
	Hello = "Hello, world. Grüße an alle 🌍!"
	Note  = `a "quoted" ünïcode`
)

var Properties = map[string]any{
	"city": map[string]any{"type": "string"},
	"unit": map[string]any{"type": "string"},
	"note": map[string]any{"type": "string"},
}

type Feature struct {
	Name string
	Run  func() error
}

// Same fails when what came is not what was expected.
func Same(found, expected any) error {
	if reflect.DeepEqual(found, expected) {
		return nil
	}
	return fmt.Errorf("%#v is not %#v", found, expected)
}

// First of several results that is a failure.
func First(results ...error) error {
	for _, err := range results {
		if err != nil {
			return err
		}
	}
	return nil
}

// All runs features; status tells the HTTP status and the sentence of a client's own error, or 0.
func All(client string, features []Feature, status func(error) (int, string)) {
	for _, f := range features {
		line := map[string]any{"client": client, "feature": f.Name, "outcome": "yes"}
		if err := f.Run(); err != nil {
			code, message := status(err)
			line["outcome"], line["status"], line["message"] = "no", code, err.Error()
			if code == 400 {
				line["outcome"], line["message"] = "refused", message
			}
		}
		text, _ := json.Marshal(line)
		fmt.Println(string(text))
	}
}
