# The commands of this repository; see CONTRIBUTING.md. All but `clean` install what they need first, by apt, where it
# is missing (tools/setup says which command needs root).

PREFIX ?= /usr/local
# Flags for `make run`, such as: make run ARGS="--listen 0.0.0.0:8420"
ARGS   ?=

.PHONY: run build test agents lint bench bench-web eval fuzz soak clean install

run: build
	@exec build/atelier serve --data data $(ARGS)

build:
	@tools/setup build
	@tools/build release

test:
	@tools/setup build test
	@tools/build release asan tsan
	@PATH="$$(tools/node):$$PATH" tools/test.sh

# Codex, Claude Code and opencode through the gateway: several hundred megabytes from npm, into build/.
agents:
	@tools/setup build test
	@tools/build release
	@PATH="$$(tools/node):$$PATH" node tests/clients/agents.mjs build/atelier

lint:
	@tools/setup build test
	@tools/build release tsan
	@tools/lint.sh build/tsan build/atelier

bench:
	@tools/setup build bench
	@tools/build release bench
	@bench/run.sh build/atelier build/bench/bench/load
	@bench/keep.py build/bench/bench/keep
	@bench/tools.py build/atelier
	@bench/peers.sh sqlite-vec
	@bench/documents.py build/atelier build/bench/bench/passages $(if $(EMBEDDINGS),--embeddings $(EMBEDDINGS) --model $(MODEL))

# What the web page costs, in a real browser.
bench-web:
	@tools/setup build test
	@tools/build release
	@PATH="$$(tools/node):$$PATH" && cd tests/e2e && npm ci --silent && node bench.mjs --binary ../../build/atelier

# What is found in documents, on sets from Debian's packages: make eval EMBEDDINGS=http://127.0.0.1:11434 MODEL=all-minilm
eval:
	@tools/setup build test
	@tools/build release
	@python3 tests/eval/eval.py build/atelier $(if $(EMBEDDINGS),--embeddings $(EMBEDDINGS) --model $(MODEL))

# Minutes of fuzzing per target: make fuzz MINUTES=10
fuzz:
	@tools/setup build test
	@tools/build fuzz
	@tools/fuzz.sh build/fuzz $(or $(MINUTES),1)

# Minutes of mixed use by several people, with stops and kills between, on each database under each sanitizer.
soak:
	@tools/setup build test
	@tools/build asan tsan
	@tools/soak.sh $(or $(MINUTES),20)

install: build
	install -D -m 0755 build/atelier $(DESTDIR)$(PREFIX)/bin/atelier

clean:
	rm -rf build web/dist web/node_modules tests/e2e/node_modules tests/clients/node_modules tests/mcp/node_modules
