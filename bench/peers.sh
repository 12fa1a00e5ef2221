#!/usr/bin/env bash
# Fetches the programs that are compared with Atelier into build/peers, once: LiteLLM and Pydantic AI by pip, Portkey and sqlite-vec by npm.
# What cannot be fetched is left out with a line that says so. bench/peers.sh [NAME]: only that one.
set -uo pipefail
cd "$(dirname "$0")/.."
litellm_version=1.106.2
portkey_version=1.15.2
sqlite_vec_version=0.1.9
pydantic_ai_version=2.68.0
# With newer ones each of Portkey's streams fails ("immutable").
portkey_server=1.13.7
peers=build/peers only=${1:-}
mkdir -p $peers

fetch_litellm() {
	python3 -m venv $peers/litellm && $peers/litellm/bin/pip install --quiet "litellm[proxy]==$litellm_version"
}

fetch_portkey() {
	local dir=$peers/portkey
	mkdir -p $dir
	cat >$dir/package.json <<-EOF
		{
		  "private": true,
		  "dependencies": { "@portkey-ai/gateway": "$portkey_version" },
		  "overrides": { "@hono/node-server": "$portkey_server" }
		}
	EOF
	PATH=$(tools/node):$PATH npm install --prefix $dir --silent --no-audit --no-fund --no-package-lock
}

fetch_sqlite-vec() {
	PATH=$(tools/node):$PATH npm install --prefix $peers/sqlite-vec --silent --no-audit --no-fund --no-package-lock "sqlite-vec@$sqlite_vec_version"
}

fetch_pydantic-ai() {
	python3 -m venv $peers/pydantic-ai && $peers/pydantic-ai/bin/pip install --quiet "pydantic-ai-slim[openai]==$pydantic_ai_version"
}

# NAME VERSION: what is there of this version stays.
fetch() {
	local name=$1 version=$2 mark=$peers/$1.version log=$peers/$1.log
	[ -z "$only" ] || [ "$only" = "$name" ] || return
	[ "$(cat "$mark" 2>/dev/null)" = "$version" ] && [ -d "${peers:?}/$name" ] && return
	echo "Fetching $name $version ..." >&2
	rm -rf "${peers:?}/$name"
	if "fetch_$name" >"$log" 2>&1; then
		echo "$version" >"$mark"
	else
		rm -rf "${peers:?}/$name"
		echo "Note: $name could not be fetched ($log); it is left out." >&2
	fi
}

fetch litellm "$litellm_version"
fetch portkey "$portkey_version+$portkey_server"
fetch sqlite-vec "$sqlite_vec_version"
fetch pydantic-ai "$pydantic_ai_version"
