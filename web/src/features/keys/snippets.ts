/** How other programs are told of this Atelier. `base` is its address without a slash at the end. */
export function snippets(base: string, key: string, model: string) {
  return [
    {
      id: 'curl',
      label: 'curl',
      text: `curl ${base}/v1/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '${JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }).replaceAll("'", "'\\''")}'`,
    },
    {
      id: 'openai',
      label: 'OpenAI SDK',
      text: `from openai import OpenAI

client = OpenAI(base_url="${base}/v1", api_key="${key}")
answer = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`,
    },
    {
      id: 'claude',
      label: 'Claude Code',
      text: `export ANTHROPIC_BASE_URL=${base}
export ANTHROPIC_AUTH_TOKEN=${key}
export ANTHROPIC_MODEL='${model.replaceAll("'", "'\\''")}'
claude`,
    },
    {
      id: 'ollama',
      label: 'Ollama clients',
      text: `from ollama import Client

client = Client(host="${base}/ollama", headers={"Authorization": "Bearer ${key}"})
answer = client.chat(${JSON.stringify(model)}, [{"role": "user", "content": "Hello"}])
print(answer.message.content)`,
    },
  ] as const;
}
