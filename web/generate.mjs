// What the page knows of the server's interface, from the output of `atelier openapi`:
//
//	node generate.mjs FILE           src/core/api/schema.d.ts, the types (not kept), and src/core/forms/rules.json, what
//	                                 the server says of the fields of forms (kept: the page is built before the server)
//	node generate.mjs --check FILE   the same, and fails when the rules that are kept are others
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The bodies that forms of the page send. */
const FORMS = [
  'AccountNew', 'AccountPatch', 'AgentBudget', 'AssistantNew', 'CollectionNew', 'CollectionPatch', 'ConversationPatch', 'DocumentPatch', 'FolderNew', 'GroupNew', 'KeyNew', 'LimitNew', 'LimitPatch', 'Login', 'MemoryEdit', 'ModelCopy',
  'ModelOverride', 'ModelPull', 'ModelRouteNew', 'ParameterRuleNew', 'PasswordByLink', 'PasswordChange', 'PriceNew', 'PromptNew', 'ProviderNew', 'ProviderTry', 'Setup',
  'VectorStoreEdit',
];

const check = process.argv[2] === '--check';
const file = process.argv.at(-1);
const rulesFile = join(import.meta.dirname, 'src/core/forms/rules.json');
const { schemas } = JSON.parse(readFileSync(file, 'utf8')).components;

/** What holds for a field, as far as text can break it. */
function ruleOf({ type, enum: choices, minLength, maxLength, minimum, maximum, minItems, maxItems, pattern }, required) {
  const rule = { required, choices, minLength, maxLength, minimum, maximum, minItems, maxItems, pattern };
  return { type: [type].flat().find((t) => t !== 'null'), ...Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined && value !== false)) };
}

const rules = Object.fromEntries(
  FORMS.map((name) => {
    const { properties, required = [] } = schemas[name];
    const plain = Object.entries(properties).filter(([, p]) => p.type);
    return [name, Object.fromEntries(plain.map(([field, p]) => [field, ruleOf(p, required.includes(field))]))];
  }),
);
const text = JSON.stringify(rules, null, 2) + '\n';
if (check && readFileSync(rulesFile, 'utf8') !== text) {
  console.error('The rules of forms are not those of the server: run `npm run generate -- FILE` and keep src/core/forms/rules.json.');
  process.exit(1);
}
writeFileSync(rulesFile, text);
const types = spawnSync(process.execPath, [join(import.meta.dirname, 'node_modules/openapi-typescript/bin/cli.js'), file, '--output', join(import.meta.dirname, 'src/core/api/schema.d.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });
process.exit(types.status ?? 1);
